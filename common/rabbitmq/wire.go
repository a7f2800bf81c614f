package rabbitmq

import (
	"net"
	"sync"
)

// heldMost is from how many bytes on that are held they are written, released or not.
const heldMost = 64 << 10

// wire is a connection that can hold back what is written to it. The library writes the three frames
// of a message one by one, each a packet that wakes its reader.
type wire struct {
	net.Conn
	mu      sync.Mutex
	holding bool
	held    []byte
}

// Write implements net.Conn. What it holds back it takes for written.
func (w *wire) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.holding {
		return w.Conn.Write(data)
	}
	w.held = append(w.held, data...)
	if len(w.held) < heldMost {
		return len(data), nil
	}
	return len(data), w.flush()
}

// hold has all that is written wait for release.
func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding = true
}

// release writes what was held back.
func (w *wire) release() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding = false
	return w.flush()
}

// flush needs w.mu.
func (w *wire) flush() error {
	if len(w.held) == 0 {
		return nil
	}
	_, err := w.Conn.Write(w.held)
	w.held = w.held[:0]
	return err
}
