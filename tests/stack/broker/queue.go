package broker

import (
	"crypto/rand"
	"slices"
	"strings"
)

// queue is guarded by Broker.mu.
type queue struct {
	name                string
	durable, autoDelete bool
	owner               *connection // of an exclusive queue
	ready               []*message
	consumers           []*consumer // the next to be served first
	deleted             bool
}

type consumer struct {
	tag     string
	channel *channel
	queue   *queue
}

func (q *queue) push(m *message) {
	q.ready = append(q.ready, m)
	q.pump()
}

// pump delivers to the consumers in turn as long as there are messages and one can take them.
func (q *queue) pump() {
	for len(q.ready) > 0 {
		i := slices.IndexFunc(q.consumers, func(c *consumer) bool { return c.channel.conn.out.hasRoom() })
		if i < 0 {
			return
		}
		c := q.consumers[i]
		c.deliver(q.ready[0])
		q.ready[0] = nil // the slice holds on to it
		q.ready = q.ready[1:]
		q.consumers = append(slices.Delete(q.consumers, i, i+1), c)
	}
}

func (c *consumer) deliver(m *message) {
	c.channel.delivered++
	arguments := fields{}.shortstr(c.tag).longlong(c.channel.delivered).bit(false).shortstr(m.exchange).shortstr(m.key)
	c.channel.conn.sendContent(c.channel.id, basicDeliver, arguments, m)
}

// cancel ends a consumer, and with the last one an auto-delete queue.
func (b *Broker) cancel(c *consumer) {
	q := c.queue
	delete(c.channel.consumers, c.tag)
	q.consumers = slices.DeleteFunc(q.consumers, func(other *consumer) bool { return other == c })
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
	for _, c := range q.consumers {
		delete(c.channel.consumers, c.tag)
		c.channel.send(basicCancel, fields{}.shortstr(c.tag).bit(true))
	}
	q.consumers, q.ready = nil, nil
	for _, x := range b.exchanges {
		x.bound = slices.DeleteFunc(x.bound, func(other *queue) bool { return other == q })
	}
}

// queue finds one that the channel's connection may use.
func (ch *channel) queue(name string) (*queue, error) {
	q := ch.broker.queues[name]
	if q == nil {
		return nil, protocolError(notFound, "no queue '%s' in vhost '%s'", name, vhost)
	}
	if q.owner != nil && q.owner != ch.conn {
		return nil, protocolError(resourceLocked, "cannot obtain exclusive access to locked queue '%s' in vhost '%s'", q.name, vhost)
	}
	return q, nil
}

func (ch *channel) queueDeclare(a arguments) error {
	want := &queue{name: a.strings[0], durable: a.flags.has(1), autoDelete: a.flags.has(3)}
	if a.flags.has(2) {
		want.owner = ch.conn
	}
	q, err := ch.findOrMakeQueue(want, a)
	if err != nil {
		return err
	}
	counts := fields{}.long(uint32(len(q.ready))).long(uint32(len(q.consumers)))
	return ch.answer(a.flags.has(4), queueDeclareOK, append(fields{}.shortstr(q.name), counts...))
}

func (ch *channel) findOrMakeQueue(want *queue, a arguments) (*queue, error) {
	q := ch.broker.queues[want.name]
	switch {
	case q != nil && q.durable != want.durable && !a.flags.has(0): // of what can differ, the one that clients stumble over
		return nil, inequivalent("durable", "queue", q.name, want.durable, q.durable)
	case q != nil || a.flags.has(0): // passive
		return ch.queue(want.name)
	case a.table != "":
		return nil, unknown("arguments of queues")
	case want.name == "":
		// It had no owner in an earlier life of the broker either: replies to that may be on their way.
		want.name = "amq.gen-" + rand.Text()
	case strings.HasPrefix(want.name, "amq."):
		return nil, protocolError(accessRefused, "queue name '%s' contains reserved prefix 'amq.*'", want.name)
	}
	ch.broker.queues[want.name] = want
	if want.owner != nil {
		want.owner.exclusive[want] = true
	}
	return want, nil
}

// queueDelete does not mind, as RabbitMQ, if there is no such queue.
func (ch *channel) queueDelete(a arguments) error {
	name, count := a.strings[0], 0
	if ifUnused, ifEmpty := a.flags.has(0), a.flags.has(1); ifUnused || ifEmpty {
		return unknown("to delete a queue on a condition")
	}
	if ch.broker.queues[name] != nil {
		q, err := ch.queue(name)
		if err != nil {
			return err
		}
		count = len(q.ready)
		ch.broker.deleteQueue(q)
	}
	return ch.answer(a.flags.has(2), queueDeleteOK, fields{}.long(uint32(count)))
}

func (ch *channel) consume(a arguments) error {
	tag := a.strings[1]
	q, err := ch.queue(a.strings[0])
	switch {
	case err != nil:
		return err
	case !a.flags.has(1):
		return unknown("acknowledgements")
	case ch.consumers[tag] != nil:
		return protocolError(notAllowed, "attempt to reuse consumer tag '%s'", tag)
	case tag == "":
		tag = "amq.ctag-" + rand.Text()
	}
	c := &consumer{tag, ch, q}
	ch.consumers[tag] = c
	q.consumers = append(q.consumers, c)
	_ = ch.answer(a.flags.has(3), basicConsumeOK, fields{}.shortstr(tag)) // it has no error
	q.pump()
	return nil
}

func (ch *channel) cancel(a arguments) error {
	if c := ch.consumers[a.strings[0]]; c != nil {
		ch.broker.cancel(c)
	}
	return ch.answer(a.flags.has(0), basicCancelOK, fields{}.shortstr(a.strings[0]))
}
