package broker

import (
	"container/list"
	"crypto/rand"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// queue is guarded by Broker.mu.
type queue struct {
	name                string
	durable, autoDelete bool
	arguments           table
	owner               *connection // of an exclusive queue

	ready     list.List // of *entry, in the order of their positions
	pushed    uint64    // the position of the last that was published
	consumers []*consumer

	exclusiveConsumer bool // the one consumer wants no other
	deleted           bool
}

// entry is a message in one queue. It keeps its position when it is delivered, and comes back to it
// if it is not acknowledged.
type entry struct {
	message     *message
	position    uint64
	redelivered bool
}

type consumer struct {
	tag      string
	channel  *channel
	queue    *queue
	noAck    bool
	prefetch int // 0 for any number
	inFlight int // messages that are not acknowledged
}

// delivery is an entry that a client has.
type delivery struct {
	tag      uint64
	entry    *entry
	queue    *queue
	consumer *consumer // nil if the client asked with basic.get
}

func (q *queue) push(m *message) {
	q.pushed++
	q.ready.PushBack(&entry{message: m, position: q.pushed})
	q.pump()
}

func (q *queue) pop() *entry {
	front := q.ready.Front()
	if front == nil {
		return nil
	}
	return q.ready.Remove(front).(*entry)
}

// putBack puts an entry where it was.
func (q *queue) putBack(e *entry) {
	e.redelivered = true
	next := q.ready.Front()
	for next != nil && next.Value.(*entry).position < e.position {
		next = next.Next()
	}
	if next == nil {
		q.ready.PushBack(e)
		return
	}
	q.ready.InsertBefore(e, next)
}

// pump delivers to the consumers in turn as long as there are messages and one has room for them.
func (q *queue) pump() {
	for q.ready.Len() > 0 {
		i := slices.IndexFunc(q.consumers, (*consumer).hasRoom)
		if i < 0 {
			return
		}
		c := q.consumers[i]
		c.deliver(q.pop())
		q.consumers = append(slices.Delete(q.consumers, i, i+1), c)
	}
}

func (c *consumer) hasRoom() bool {
	mayHave := c.noAck || c.channel.hasWindow() && (c.prefetch == 0 || c.inFlight < c.prefetch)
	return mayHave && c.channel.conn.out.hasRoom()
}

func (c *consumer) deliver(e *entry) {
	tag := c.channel.track(&delivery{entry: e, queue: c.queue, consumer: c}, c.noAck)
	arguments := fields{}.shortstr(c.tag).longlong(tag).bit(e.redelivered)
	arguments = arguments.shortstr(e.message.exchange).shortstr(e.message.key)
	c.channel.conn.sendContent(c.channel.id, basicDeliver, arguments, e.message)
}

// requeue puts deliveries, in the order of their tags, back into their queues. The last goes first:
// then each finds its place at the front.
func (b *Broker) requeue(deliveries []*delivery) {
	queues := map[*queue]bool{}
	for _, d := range slices.Backward(deliveries) {
		if !d.queue.deleted {
			d.queue.putBack(d.entry)
			queues[d.queue] = true
		}
	}
	for q := range queues {
		q.pump()
	}
}

// cancel ends a consumer. What it has is still its channel's to acknowledge.
func (b *Broker) cancel(c *consumer) {
	q := c.queue
	delete(c.channel.consumers, c.tag)
	q.consumers = slices.DeleteFunc(q.consumers, func(other *consumer) bool { return other == c })
	q.exclusiveConsumer = false
	if q.autoDelete && len(q.consumers) == 0 {
		b.deleteQueue(q)
	}
}

// deleteQueue removes a queue with its bindings and messages, and tells its consumers.
func (b *Broker) deleteQueue(q *queue) {
	if q.deleted {
		return
	}
	q.deleted = true
	delete(b.queues, q.name)
	if q.owner != nil {
		delete(q.owner.exclusive, q)
	}
	for _, c := range slices.Clone(q.consumers) {
		delete(c.channel.consumers, c.tag)
		if c.channel.conn.wantsCancel {
			c.channel.send(basicCancel, fields{}.shortstr(c.tag).bit(true))
		}
	}
	q.consumers = nil
	q.ready.Init()
	b.unbindAll(q)
}

// newName returns a name that nobody else has, nor had in an earlier life of the broker: answers to
// who had it then may be under way still.
func newName(prefix string) string {
	return prefix + rand.Text()
}

// ownQueue finds a queue that the channel's connection may use.
func (ch *channel) ownQueue(name string) (*queue, error) {
	if name == "" {
		if name = ch.lastQueue; name == "" {
			return nil, protocolError(notFound, "no previously declared queue")
		}
	}
	q := ch.broker.queues[name]
	if q == nil {
		return nil, protocolError(notFound, "no queue '%s' in vhost '%s'", name, vhost)
	}
	if q.owner != nil && q.owner != ch.conn {
		return nil, q.locked()
	}
	return q, nil
}

func (q *queue) locked() error {
	return protocolError(resourceLocked, "cannot obtain exclusive access to locked queue '%s' in vhost '%s'", q.name, vhost)
}

func (ch *channel) queueDeclare(a arguments) error {
	passive, noWait := a.flags.has(0), a.flags.has(4)
	want := &queue{name: a.strings[0], durable: a.flags.has(1), autoDelete: a.flags.has(3), arguments: a.table}
	if a.flags.has(2) {
		want.owner = ch.conn
	}
	q, err := ch.findOrMakeQueue(want, passive)
	if err != nil {
		return err
	}
	ch.lastQueue = q.name
	counts := fields{}.long(uint32(q.ready.Len())).long(uint32(len(q.consumers)))
	return ch.answer(noWait, queueDeclareOK, append(fields{}.shortstr(q.name), counts...))
}

func (ch *channel) findOrMakeQueue(want *queue, passive bool) (*queue, error) {
	if passive {
		return ch.ownQueue(want.name)
	}
	if q := ch.broker.queues[want.name]; q != nil {
		return q, q.sameAs(want)
	}
	if want.name == "" {
		want.name = newName("amq.gen-")
	} else if strings.HasPrefix(want.name, "amq.") {
		return nil, protocolError(accessRefused, "queue name '%s' contains reserved prefix 'amq.*'", want.name)
	}
	ch.broker.queues[want.name] = want
	if want.owner != nil {
		want.owner.exclusive[want] = true
	}
	return want, nil
}

// sameAs returns an error if a queue that is there was declared in another way.
func (q *queue) sameAs(want *queue) error {
	switch {
	case q.owner != want.owner:
		return q.locked()
	case q.durable != want.durable:
		return inequivalent("durable", "queue", q.name, want.durable, q.durable)
	case q.autoDelete != want.autoDelete:
		return inequivalent("auto_delete", "queue", q.name, want.autoDelete, q.autoDelete)
	case !maps.EqualFunc(q.arguments, want.arguments, func(a, b any) bool { return reflect.DeepEqual(a, b) }):
		return inequivalent("arguments", "queue", q.name, want.arguments, q.arguments)
	}
	return nil
}

func inequivalent(property, kind, name string, received, current any) error {
	return protocolError(preconditionFailed, "inequivalent arg '%s' for %s '%s' in vhost '%s': received '%v' but current is '%v'",
		property, kind, name, vhost, received, current)
}

func (ch *channel) queuePurge(a arguments) error {
	q, err := ch.ownQueue(a.strings[0])
	if err != nil {
		return err
	}
	count := q.ready.Len()
	q.ready.Init()
	return ch.answer(a.flags.has(0), queuePurgeOK, fields{}.long(uint32(count)))
}

// queueDelete, as RabbitMQ, does not mind if there is no such queue.
func (ch *channel) queueDelete(a arguments) error {
	name, ifUnused, ifEmpty, noWait := a.strings[0], a.flags.has(0), a.flags.has(1), a.flags.has(2)
	if name != "" && ch.broker.queues[name] == nil {
		return ch.answer(noWait, queueDeleteOK, fields{}.long(0))
	}
	q, err := ch.ownQueue(name)
	switch {
	case err != nil:
		return err
	case ifUnused && len(q.consumers) > 0:
		return protocolError(preconditionFailed, "queue '%s' in vhost '%s' in use", q.name, vhost)
	case ifEmpty && q.ready.Len() > 0:
		return protocolError(preconditionFailed, "queue '%s' in vhost '%s' is not empty", q.name, vhost)
	}
	count := q.ready.Len()
	ch.broker.deleteQueue(q)
	return ch.answer(noWait, queueDeleteOK, fields{}.long(uint32(count)))
}
