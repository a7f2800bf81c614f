// Package broker is a small message broker for machines that have no RabbitMQ. It speaks as much of
// AMQP 0-9-1 as go-store needs: fanout exchanges and the default one, queues (exclusive, auto-delete,
// named by the server), consumers that acknowledge nothing, heartbeats, and the errors. It refuses
// everything else with NOT_IMPLEMENTED, which ends the connection, and a text that says so.
//
// A queue keeps its order. A client that does not read holds up no other, and is cut off when it takes
// nothing for a while. Everything is in memory and one lock guards it all, so a durable queue is gone
// with the process. There is one user (guest, password guest) and one virtual host ("/").
//
// Reading order: connection.go, handshake.go, channel.go, then queue.go and exchange.go for what happens
// to messages. methods.go has the methods; wire.go, frame.go and outbox.go are the bytes.
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

// timeouts say how long the broker waits for a client.
type timeouts struct {
	handshake time.Duration // from the TCP connection to connection.open
	write     time.Duration // for a client that does not read to take the next bytes
	closing   time.Duration // for connection.close-ok
}

// Broker is a running broker. Its methods may be called concurrently.
type Broker struct {
	listener net.Listener
	timeouts timeouts
	methods  map[methodID]method
	running  sync.WaitGroup // accept, and one for each connection

	mu          sync.Mutex // guards all below and what is in it
	closed      bool
	connections map[*connection]bool
	exchanges   map[string]*exchange
	queues      map[string]*queue
	alarm       chan struct{} // nil, or closed when the alarm is over
}

// Listen starts a broker on a TCP address (host:port; port 0 for any that is free). The caller must
// Close it.
func Listen(addr string) (*Broker, error) {
	return listen(addr, timeouts{handshake: 10 * time.Second, write: 20 * time.Second, closing: 5 * time.Second})
}

func listen(addr string, t timeouts) (*Broker, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b := &Broker{listener: listener, timeouts: t, methods: methods(),
		connections: map[*connection]bool{}, exchanges: map[string]*exchange{}, queues: map[string]*queue{}}
	b.running.Go(b.accept)
	return b, nil
}

// Addr returns the address that the broker listens on, host:port.
func (b *Broker) Addr() string { return b.listener.Addr().String() }

// URL returns the address with user and password, as clients take it.
func (b *Broker) URL() string { return fmt.Sprintf("amqp://%s:%s@%s/", user, password, b.Addr()) }

// accept ends when the listener is closed. Other errors, such as too many open files, are temporary.
func (b *Broker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err == nil {
			b.serve(conn)
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

func (b *Broker) serve(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = conn.Close() // it is not served
		return
	}
	c := newConnection(b, conn)
	b.connections[c] = true
	b.running.Go(c.serve)
}

// Close closes the port and all connections, and returns when all goroutines have ended. All messages
// are lost.
func (b *Broker) Close() error {
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	b.mu.Unlock()
	var err error
	if first {
		err = b.listener.Close()
	}
	b.SetAlarm(false)
	b.DropConnections()
	b.running.Wait()
	return err
}

// SetAlarm begins or ends an alarm. During one the broker tells every client that sends a message,
// and reads nothing more of it.
func (b *Broker) SetAlarm(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if on && b.alarm == nil {
		b.alarm = make(chan struct{})
	} else if !on && b.alarm != nil {
		close(b.alarm)
		b.alarm = nil
	}
}

// DropConnections cuts all connections without a word to the clients. It returns how many there were,
// when all that belonged to them is gone.
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
