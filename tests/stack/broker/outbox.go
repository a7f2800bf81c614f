package broker

import (
	"net"
	"sync"
	"time"
)

const (
	// outboxLimit is how many waiting bytes stop deliveries to a connection, and reading from it. One
	// message more can wait, and as much again be in flight.
	outboxLimit = 256 << 10
	// writeSize is how much is written under one deadline, and the largest buffer that is used again.
	writeSize = 64 << 10
)

// outbox holds what will be sent on a connection. Only run, in a goroutine of its own, waits for the
// network.
type outbox struct {
	mu      sync.Mutex
	changed sync.Cond // waiting has shrunk or grown, or finished is set
	waiting []byte
	starved bool // a delivery found no room
	closing bool // no more can be added
	used    bool // something was added since idle was last asked
}

func newOutbox() *outbox {
	o := &outbox{}
	o.changed.L = &o.mu
	return o
}

// add has write append frames. They are dropped if the connection has ended.
func (o *outbox) add(write func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return
	}
	o.waiting = write(o.waiting)
	o.used = true
	o.changed.Broadcast()
}

// hasRoom tells whether a message may be delivered. If not, run says when there is room again.
func (o *outbox) hasRoom() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.starved = o.starved || len(o.waiting) >= outboxLimit
	return len(o.waiting) < outboxLimit
}

// awaitRoom returns when there is room, or the connection has ended.
func (o *outbox) awaitRoom() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting) >= outboxLimit && !o.closing {
		o.changed.Wait()
	}
}

// idle tells whether nothing was sent since the last call.
func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	used := o.used
	o.used = false
	return !used && len(o.waiting) == 0
}

// close has run return once it has sent what is in the outbox.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	o.changed.Broadcast()
}

// run sends what is added until close, or until the peer takes nothing for that time. It calls resume
// when there is room again after a delivery found none.
func (o *outbox) run(conn net.Conn, timeout time.Duration, resume func()) error {
	defer o.close()
	var buffer []byte
	for {
		var starved, more bool
		buffer, starved, more = o.take(buffer)
		if !more {
			return nil
		}
		if starved {
			resume()
		}
		if err := writeAll(conn, buffer, timeout); err != nil {
			return err
		}
	}
}

// take waits for something to send, and leaves spare in its place.
func (o *outbox) take(spare []byte) (waiting []byte, starved, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting) == 0 && !o.closing {
		o.changed.Wait()
	}
	if cap(spare) > writeSize {
		spare = nil
	}
	waiting, o.waiting = o.waiting, spare[:0]
	starved, o.starved = o.starved, false
	o.changed.Broadcast()
	return waiting, starved, len(waiting) > 0
}

func writeAll(conn net.Conn, data []byte, timeout time.Duration) error {
	for len(data) > 0 {
		if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
		n := min(len(data), writeSize)
		if _, err := conn.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
