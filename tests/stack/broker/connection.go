package broker

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// errDone ends a connection that has nothing more to say.
var errDone = errors.New("connection done")

// connection is one client. Its serve reads; one goroutine writes and one sends heartbeats.
type connection struct {
	broker *Broker
	conn   net.Conn
	in     *frameReader
	out    *outbox
	ending chan struct{} // closed when the heartbeats are to stop
	done   chan struct{} // closed when nothing of the connection is left

	limits            // as negotiated
	wantsCancel  bool // to be told when the broker cancels a consumer
	wantsRefusal bool // to be told when the password is wrong

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
	c.broker.forget(c)
}

// awaitHangUp leaves it to the client to close the socket: if we did, a frame of its that is under
// way would have its TCP throw away what we said last.
func (c *connection) awaitHangUp() {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.broker.patience.closing)); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c.in.in) // any end is as good
}

func (c *connection) write() {
	if err := c.out.run(c.conn, c.broker.patience.write, c.deliver); err != nil {
		_ = c.conn.Close() // so that reading ends too
	}
}

// converse returns at the end of the conversation, and tells whether what is still in the outbox is
// to be sent.
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

// sendHeartbeats fills pauses, so that the client knows that we live.
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
		if err := c.conn.SetReadDeadline(c.silenceLimit()); err != nil {
			return err
		}
		f, err := c.in.read()
		if err != nil {
			return err
		}
		if err := c.handle(f); err != nil {
			return err
		}
	}
}

// silenceLimit is until when we wait for a client that sends no heartbeat.
func (c *connection) silenceLimit() time.Time {
	if c.heartbeat == 0 {
		return time.Time{}
	}
	return time.Now().Add(2 * c.heartbeat)
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

// control takes what concerns the connection itself.
func (c *connection) control(f frame) error {
	if f.controlMethod() != connectionClose {
		return protocolError(commandInvalid, "unexpected frame on channel 0")
	}
	c.release()
	c.send(0, connectionCloseOK, nil)
	return errDone
}

// open takes the first frame on a channel.
func (c *connection) open(f frame) error {
	d := decoder{rest: f.payload}
	id := methodID(d.long())
	if f.kind != frameMethod || id != channelOpen {
		return &replyError{channelError, "CHANNEL_ERROR - expected 'channel.open'", id}
	}
	if f.channel > c.channelMax {
		return &replyError{notAllowed, "NOT_ALLOWED - channel number is above the negotiated channel_max", id}
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

// deliver resumes what waited for room in the outbox.
func (c *connection) deliver() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	for _, ch := range c.channels {
		ch.pump()
	}
}

// refuse tells the client why the connection ends, and gives it a moment to take note.
func (c *connection) refuse(reply *replyError) {
	c.release()
	c.send(0, connectionClose, reply.fields())
	if err := c.conn.SetReadDeadline(time.Now().Add(c.broker.patience.closing)); err != nil {
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

// release gives back what the connection holds: consumers first, so that what is requeued does not
// come to this connection again. After that it counts for nothing, even if its socket is still open.
func (c *connection) release() {
	c.broker.mu.Lock()
	defer c.broker.mu.Unlock()
	c.released = true
	for _, ch := range c.channels {
		ch.cancelConsumers()
	}
	for _, ch := range c.channels {
		ch.release()
	}
	clear(c.channels)
	for q := range c.exclusive {
		c.broker.deleteQueue(q)
	}
}
