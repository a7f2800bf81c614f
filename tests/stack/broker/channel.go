package broker

import "slices"

// channel is one of a connection. All of it is guarded by Broker.mu.
type channel struct {
	broker    *Broker
	conn      *connection
	id        uint16
	closing   bool        // channel.close was sent: all but its answer is ignored
	content   *publishing // a message that is arriving
	consumers map[string]*consumer
	delivered uint64 // how many messages
}

// publishing is a message that is arriving.
type publishing struct {
	message
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

// fail closes the channel with an error. Its number is free when the client has confirmed that.
func (ch *channel) fail(reply *replyError) {
	ch.release()
	ch.closing = true
	ch.send(channelClose, reply.fields())
}

// release ends all consumers.
func (ch *channel) release() {
	ch.content = nil
	for _, c := range ch.consumers {
		ch.broker.cancel(c)
	}
}

func (ch *channel) handle(f frame) error {
	d := decoder{rest: f.payload}
	switch {
	case f.kind == frameMethod:
		id := methodID(d.long())
		return answering(id, ch.handleMethod(id, d.rest))
	case ch.closing:
		return nil
	case f.kind == frameHeader:
		return ch.handleHeader(d)
	case f.kind == frameBody:
		return ch.handleBody(f.payload)
	}
	return protocolError(frameError, "unknown frame type %d", f.kind)
}

func (ch *channel) handleMethod(id methodID, payload []byte) error {
	m, known := ch.broker.methods[id]
	switch {
	case ch.closing:
		ch.confirmClose(id)
		return nil
	case ch.content != nil && id != channelClose:
		return protocolError(unexpectedFrame, "expected content for basic.publish, got a method instead")
	case !known:
		return unknown("method %d.%d", id.class(), id.method())
	}
	a, err := decodeArguments(m.grammar, payload)
	if err != nil {
		return err
	}
	return m.handle(ch, a)
}

// confirmClose waits for the answer to channel.close. The client's own close may have crossed ours.
func (ch *channel) confirmClose(id methodID) {
	switch id {
	case channelClose:
		ch.send(channelCloseOK, nil)
	case channelCloseOK:
		delete(ch.conn.channels, ch.id)
	}
}

func (ch *channel) close(arguments) error {
	ch.release()
	delete(ch.conn.channels, ch.id)
	ch.send(channelCloseOK, nil)
	return nil
}

// publish notes where a message goes: header and body come in frames of their own.
func (ch *channel) publish(a arguments) error {
	if a.flags != 0 {
		return unknown("mandatory and immediate publishing")
	}
	ch.content = &publishing{message: message{exchange: a.strings[0], key: a.strings[1]}}
	return nil
}

func (ch *channel) handleHeader(d decoder) error {
	p := ch.content
	if p == nil || p.hasHeader {
		return protocolError(unexpectedFrame, "expected method frame, got content header")
	}
	class, weight, size := d.short(), d.short(), d.longlong()
	if d.err != nil || class != basicPublish.class() || weight != 0 {
		return protocolError(syntaxError, "malformed content header")
	}
	p.hasHeader, p.size, p.properties = true, size, slices.Clone(d.rest)
	return ch.routeIfComplete()
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
	return ch.routeIfComplete()
}

func (ch *channel) routeIfComplete() error {
	p := ch.content
	if uint64(len(p.body)) < p.size {
		return nil
	}
	ch.content = nil
	queues, err := ch.broker.destinations(&p.message)
	for _, q := range queues {
		q.push(&p.message)
	}
	return answering(basicPublish, err)
}

// pump delivers what the channel's consumers can take now.
func (ch *channel) pump() {
	for _, c := range ch.consumers {
		c.queue.pump()
	}
}
