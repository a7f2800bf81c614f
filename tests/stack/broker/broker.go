package broker

import (
	"fmt"
	"net"
	"sync"
	"time"

	"gostore/tests/stack"
)

const (
	user     = "guest"
	password = "guest"
	vhost    = "/"
)

// patience is for how long the broker waits for a client.
type patience struct {
	handshake time.Duration // from the TCP connection to connection.open
	write     time.Duration // for a client that does not read to take the next bytes
	closing   time.Duration // for connection.close-ok
}

// Broker is a running broker. Its methods may be called by several goroutines at once.
type Broker struct {
	listener net.Listener
	patience patience
	methods  map[methodID]method
	running  sync.WaitGroup // accept, and one for each connection

	mu          sync.Mutex // guards all below and what is in it
	closed      bool
	connections map[*connection]bool
	exchanges   map[string]*exchange
	queues      map[string]*queue
}

// Listen starts a broker on a TCP address (host:port; port 0 for any that is free). The caller must
// Close it.
func Listen(addr string) (*Broker, error) {
	return listen(addr, patience{handshake: 10 * time.Second, write: 20 * time.Second, closing: 5 * time.Second})
}

func listen(addr string, p patience) (*Broker, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b := &Broker{listener: listener, patience: p, methods: methods(), connections: map[*connection]bool{}, queues: map[string]*queue{}}
	b.exchanges = map[string]*exchange{"amq.direct": {name: "amq.direct", kind: direct, durable: true},
		"amq.fanout": {name: "amq.fanout", kind: fanout, durable: true}, "amq.topic": {name: "amq.topic", kind: topic, durable: true}}
	b.running.Go(b.accept)
	return b, nil
}

// Addr returns the address that the broker listens on, host:port.
func (b *Broker) Addr() string { return b.listener.Addr().String() }

// URL returns the address as clients want it, with user and password.
func (b *Broker) URL() string {
	return fmt.Sprintf("amqp://%s:%s@%s/", user, password, b.Addr())
}

// accept ends when the listener is closed. Any other error, such as too many open files, passes.
func (b *Broker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err == nil {
			b.welcome(conn)
			continue
		}
		b.mu.Lock()
		closed := b.closed
		b.mu.Unlock()
		if closed {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (b *Broker) welcome(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = conn.Close() // nobody will serve it
		return
	}
	c := newConnection(b, conn)
	b.connections[c] = true
	b.running.Go(c.serve)
}

func (b *Broker) forget(c *connection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.connections, c)
}

// Close closes the port and all connections, and returns when nothing of the broker is left. All
// messages are gone.
func (b *Broker) Close() error {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	b.mu.Unlock()
	var err error
	if first {
		err = b.listener.Close()
	}
	b.DropConnections()
	b.running.Wait()
	return err
}

// DropConnections cuts all connections without a word to the clients and returns how many there
// were, when everything that was theirs alone is gone.
func (b *Broker) DropConnections() int {
	b.mu.Lock()
	var cut []*connection
	for c := range b.connections {
		cut = append(cut, c)
	}
	b.mu.Unlock()
	for _, c := range cut {
		_ = c.conn.Close() // it may be closed already
	}
	for _, c := range cut {
		<-c.done
	}
	return len(cut)
}

// Counts tells what the broker holds at this moment.
func (b *Broker) Counts() stack.Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := stack.Counts{Queues: len(b.queues)}
	for c := range b.connections {
		if c.released {
			continue
		}
		counts.Connections++
		for _, ch := range c.channels {
			if !ch.closing {
				counts.Channels++
			}
		}
	}
	return counts
}
