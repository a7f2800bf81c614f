package broker

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// errDone ends a connection on which everything has been said.
var errDone = errors.New("connection done")

// connection is one client. Its serve reads; one goroutine writes and one sends heartbeats.
type connection struct {
	broker *Broker
	conn   net.Conn
	in     *frameReader
	out    *outbox
	ending chan struct{} // closed when the heartbeats are to stop
	done   chan struct{} // closed when the connection has been released

	limits // as negotiated

	// Guarded by Broker.mu.
	channels  map[uint16]*channel
	exclusive map[*queue]bool
	released  bool
}

type limits struct {
	channelMax uint16
	frameMax   uint32
	heartbeat  time.Duration // 0 for none
}

func newConnection(b *Broker, conn net.Conn) *connection {
	return &connection{
		broker: b, conn: conn, in: newFrameReader(conn), out: newOutbox(),
		ending: make(chan struct{}), done: make(chan struct{}),
		limits:   limits{channelMax: 2047, frameMax: frameMax, heartbeat: time.Minute},
		channels: map[uint16]*channel{}, exclusive: map[*queue]bool{},
	}
}

// serve is the connection from its first byte to its last.
func (c *connection) serve() {
	defer close(c.done)
	var helpers sync.WaitGroup
	helpers.Go(c.write)
	polite := c.converse(&helpers)
	c.release()
	c.out.close()
	close(c.ending)
	if polite {
		c.awaitHangUp()
	}
	_ = c.conn.Close() // lost already, or all is said
	helpers.Wait()
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	delete(c.broker.connections, c)
}

// awaitHangUp leaves it to the client to close the socket: if we did, a frame of its that is in flight
// would have its TCP discard what we sent last.
func (c *connection) awaitHangUp() {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.broker.timeouts.closing)); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c.in.in) // any end is as good
}

func (c *connection) write() {
	if err := c.out.run(c.conn, c.broker.timeouts.write, c.deliver); err != nil {
		_ = c.conn.Close() // so that reading ends too
	}
}

// converse returns at the end of the conversation, and tells whether to send what is in the outbox.
func (c *connection) converse(helpers *sync.WaitGroup) (polite bool) {
	err := c.handshake()
	if err == nil {
		helpers.Go(c.sendHeartbeats)
		err = c.readFrames()
	}
	var reply *replyError
	if errors.As(err, &reply) {
		c.refuse(reply)
		return true
	}
	return errors.Is(err, errDone)
}

// sendHeartbeats sends one whenever nothing else was sent for half of the interval.
func (c *connection) sendHeartbeats() {
	if c.heartbeat == 0 {
		return
	}
	ticker := time.NewTicker(c.heartbeat / 2)
	defer ticker.Stop()
	for {
		select {
		case <-c.ending:
			return
		case <-ticker.C:
		}
		if c.out.idle() {
			c.out.add(func(out []byte) []byte { return appendFrame(out, frameHeartbeat, 0) })
		}
	}
}

func (c *connection) readFrames() error {
	for {
		c.out.awaitRoom()
		var deadline time.Time
		if c.heartbeat > 0 {
			deadline = time.Now().Add(2 * c.heartbeat)
		}
		if err := c.conn.SetReadDeadline(deadline); err != nil {
			return err
		}
		f, err := c.in.read()
		if err != nil {
			return err
		}
		if err := c.handle(f); err != nil {
			return err
		}
		if f.kind == frameBody || f.kind == frameHeader { // only messages have them
			c.awaitAlarm()
		}
	}
}

// awaitAlarm returns when there is no alarm.
func (c *connection) awaitAlarm() {
	c.broker.mu.Lock()
	over := c.broker.alarm
	c.broker.mu.Unlock()
	if over != nil {
		c.send(0, connectionBlocked, fields{}.shortstr("low on memory"))
		<-over
		c.send(0, connectionUnblocked, nil)
	}
}

func (c *connection) handle(f frame) error {
	if f.kind == frameHeartbeat {
		return nil
	}
	if f.channel == 0 {
		return c.control(f)
	}
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	ch := c.channels[f.channel]
	if ch == nil {
		return c.open(f)
	}
	err := ch.handle(f)
	var reply *replyError
	if errors.As(err, &reply) && !reply.hard() {
		ch.fail(reply)
		return nil
	}
	return err
}

// control handles a frame for the connection itself.
func (c *connection) control(f frame) error {
	if f.controlMethod() != connectionClose {
		return protocolError(commandInvalid, "unexpected frame on channel 0")
	}
	c.release()
	c.send(0, connectionCloseOK, nil)
	return errDone
}

// open handles the first frame on a channel.
func (c *connection) open(f frame) error {
	d := decoder{rest: f.payload}
	id := methodID(d.long())
	if f.kind != frameMethod || id != channelOpen {
		return &replyError{channelError, "CHANNEL_ERROR - expected 'channel.open'", id}
	}
	if f.channel > c.channelMax {
		return protocolError(notAllowed, "channel number is above the negotiated channel_max")
	}
	c.channels[f.channel] = newChannel(c, f.channel)
	c.send(f.channel, channelOpenOK, fields{}.longstr(""))
	return nil
}

func (c *connection) send(channel uint16, id methodID, arguments fields) {
	c.out.add(func(out []byte) []byte { return appendMethod(out, channel, id, arguments) })
}

func (c *connection) sendContent(channel uint16, id methodID, arguments fields, m *message) {
	c.out.add(func(out []byte) []byte {
		return appendContent(appendMethod(out, channel, id, arguments), channel, c.frameMax, m)
	})
}

// deliver goes on with what waited for room in the outbox.
func (c *connection) deliver() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	for _, ch := range c.channels {
		ch.pump()
	}
}

// refuse tells the client why the connection ends, and waits a moment for it to confirm that.
func (c *connection) refuse(reply *replyError) {
	c.release()
	c.send(0, connectionClose, reply.fields())
	if err := c.conn.SetReadDeadline(time.Now().Add(c.broker.timeouts.closing)); err != nil {
		return
	}
	for {
		f, err := c.in.read()
		if err != nil {
			return
		}
		switch f.controlMethod() {
		case connectionClose:
			c.send(0, connectionCloseOK, nil)
			return
		case connectionCloseOK:
			return
		}
	}
}

// release ends all that belongs to the connection. It does not count any more then, even if its socket
// is still open.
func (c *connection) release() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.released = true
	for _, ch := range c.channels {
		ch.release()
	}
	clear(c.channels)
	for q := range c.exclusive {
		c.broker.deleteQueue(q)
	}
}
