package broker

import (
	"cmp"
	"slices"
)

// maxMessage is the largest body in bytes, as RabbitMQ has it by default.
const maxMessage = 128 << 20

// channel is one of a connection. All of it is guarded by Broker.mu.
type channel struct {
	broker  *Broker
	conn    *connection
	id      uint16
	closing bool        // channel.close was sent: all but its answer is ignored
	content *publishing // whose header or body is still under way

	lastQueue  string // the one declared last, which an empty name stands for
	confirming bool
	published  uint64 // since confirm.select
	consumers  map[string]*consumer

	prefetch   int         // for each consumer to come; 0 for any number
	shared     int         // prefetch for all consumers together
	inFlight   int         // messages that consumers have and have not acknowledged
	lastTag    uint64      // of a delivery
	deliveries []*delivery // not acknowledged, in the order of their tags
}

// publishing is a message that is arriving.
type publishing struct {
	message
	mandatory bool
	size      uint64
	hasHeader bool
}

func newChannel(c *connection, id uint16) *channel {
	return &channel{broker: c.broker, conn: c, id: id, consumers: map[string]*consumer{}}
}

func (ch *channel) send(id methodID, arguments fields) { ch.conn.send(ch.id, id, arguments) }

// answer sends an answer unless the client said no-wait.
func (ch *channel) answer(noWait bool, id methodID, arguments fields) error {
	if !noWait {
		ch.send(id, arguments)
	}
	return nil
}

// fail closes the channel with an error. The number is not free until the client has taken note.
func (ch *channel) fail(reply *replyError) {
	ch.release()
	ch.closing = true
	ch.send(channelClose, reply.fields())
}

// release gives back what the channel holds.
func (ch *channel) release() {
	ch.cancelConsumers()
	unsettled := ch.deliveries
	ch.deliveries, ch.content = nil, nil
	ch.broker.requeue(unsettled)
}

func (ch *channel) cancelConsumers() {
	for _, c := range ch.consumers {
		ch.broker.cancel(c)
	}
}

func (ch *channel) handle(f frame) error {
	if f.kind == frameMethod {
		d := decoder{rest: f.payload}
		return ch.handleMethod(methodID(d.long()), d.rest)
	}
	switch {
	case ch.closing:
		return nil
	case f.kind == frameHeader:
		return ch.handleHeader(f.payload)
	case f.kind == frameBody:
		return ch.handleBody(f.payload)
	default:
		return protocolError(frameError, "unknown frame type %d", f.kind)
	}
}

func (ch *channel) handleMethod(id methodID, payload []byte) error {
	if ch.closing {
		ch.takeNote(id)
		return nil
	}
	err := ch.dispatch(id, payload)
	if reply, ok := err.(*replyError); ok {
		reply.method = id
	}
	return err
}

// takeNote waits for the answer to channel.close. The client's own close may have crossed ours.
func (ch *channel) takeNote(id methodID) {
	switch id {
	case channelClose:
		ch.send(channelCloseOK, nil)
	case channelCloseOK:
		delete(ch.conn.channels, ch.id)
	}
}

func (ch *channel) dispatch(id methodID, payload []byte) error {
	if ch.content != nil && id != channelClose {
		return protocolError(unexpectedFrame, "expected content for basic.publish, got a method instead")
	}
	m, known := ch.broker.methods[id]
	if !known {
		return protocolError(notImplemented, "method %d.%d", id.class(), id.method())
	}
	a, err := decodeArguments(m.grammar, payload)
	if err != nil {
		return err
	}
	return m.handle(ch, a)
}

func (ch *channel) openTwice(arguments) error {
	return protocolError(channelError, "second 'channel.open' seen")
}

func (ch *channel) close(arguments) error {
	ch.release()
	delete(ch.conn.channels, ch.id)
	ch.send(channelCloseOK, nil)
	return nil
}

// flow, as with RabbitMQ, can be switched on only, and is on.
func (ch *channel) flow(a arguments) error {
	if !a.flags.has(0) {
		return protocolError(notImplemented, "active=false")
	}
	ch.send(channelFlowOK, fields{}.bit(true))
	return nil
}

func (ch *channel) confirmSelect(a arguments) error {
	ch.confirming = true
	return ch.answer(a.flags.has(0), confirmSelectOK, nil)
}

// publish remembers what is to be published: header and body come in frames of their own.
func (ch *channel) publish(a arguments) error {
	if a.flags.has(1) {
		return protocolError(notImplemented, "immediate=true")
	}
	ch.content = &publishing{message: message{exchange: a.strings[0], key: a.strings[1]}, mandatory: a.flags.has(0)}
	return nil
}

func (ch *channel) handleHeader(payload []byte) error {
	p := ch.content
	if p == nil || p.hasHeader {
		return protocolError(unexpectedFrame, "expected method frame, got content header")
	}
	d := decoder{rest: payload}
	class, weight, size := d.short(), d.short(), d.longlong()
	if d.err != nil || class != basicPublish.class() || weight != 0 {
		return protocolError(syntaxError, "malformed content header")
	}
	if err := checkProperties(d.rest); err != nil {
		return err
	}
	if size > maxMessage {
		return protocolError(preconditionFailed, "message size %d is larger than configured max size %d", size, maxMessage)
	}
	p.hasHeader, p.size, p.properties = true, size, slices.Clone(d.rest)
	return ch.publishIfWhole()
}

func (ch *channel) handleBody(payload []byte) error {
	p := ch.content
	if p == nil || !p.hasHeader {
		return protocolError(unexpectedFrame, "expected method or content header, got content body")
	}
	if uint64(len(p.body)+len(payload)) > p.size {
		return protocolError(frameError, "body is longer than announced")
	}
	p.body = append(p.body, payload...) // grows with what has come, not with what was announced
	return ch.publishIfWhole()
}

func (ch *channel) publishIfWhole() error {
	p := ch.content
	if uint64(len(p.body)) < p.size {
		return nil
	}
	ch.content = nil
	err := ch.route(p)
	if reply, ok := err.(*replyError); ok {
		reply.method = basicPublish
	}
	return err
}

// route puts a message into its queues, and then confirms it.
func (ch *channel) route(p *publishing) error {
	queues, err := ch.broker.destinations(&p.message)
	if err != nil {
		return err
	}
	if len(queues) == 0 && p.mandatory {
		arguments := fields{}.short(noRoute).shortstr("NO_ROUTE").shortstr(p.exchange).shortstr(p.key)
		ch.conn.sendContent(ch.id, basicReturn, arguments, &p.message)
	}
	for _, q := range queues {
		q.push(&p.message)
	}
	if ch.confirming {
		ch.published++
		ch.send(basicAck, fields{}.longlong(ch.published).bit(false))
	}
	return nil
}

// hasWindow tells whether the channel's own prefetch allows one more delivery.
func (ch *channel) hasWindow() bool {
	return ch.shared == 0 || ch.inFlight < ch.shared
}

// track gives a delivery its tag, and remembers it until it is acknowledged.
func (ch *channel) track(d *delivery, noAck bool) (tag uint64) {
	ch.lastTag++
	d.tag = ch.lastTag
	if noAck {
		return d.tag
	}
	ch.deliveries = append(ch.deliveries, d)
	if d.consumer != nil {
		d.consumer.inFlight++
		ch.inFlight++
	}
	return d.tag
}

// settle forgets a delivery, or with multiple all up to it; tag 0 stands for the last.
func (ch *channel) settle(tag uint64, multiple bool) ([]*delivery, error) {
	all := tag == 0 && multiple
	if all {
		tag = ch.lastTag
	}
	i, found := slices.BinarySearchFunc(ch.deliveries, tag, func(d *delivery, tag uint64) int {
		return cmp.Compare(d.tag, tag)
	})
	if !found && !all {
		return nil, protocolError(preconditionFailed, "unknown delivery tag %d", tag)
	}
	first, end := i, min(i+1, len(ch.deliveries))
	if multiple {
		first = 0
	}
	settled := slices.Clone(ch.deliveries[first:end])
	ch.deliveries = slices.Delete(ch.deliveries, first, end)
	for _, d := range settled {
		if d.consumer != nil {
			d.consumer.inFlight--
			ch.inFlight--
		}
	}
	return settled, nil
}

// pump delivers what the channel's consumers can take now.
func (ch *channel) pump() {
	for _, c := range ch.consumers {
		c.queue.pump()
	}
}
