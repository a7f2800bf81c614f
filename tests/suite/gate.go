package suite

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/stack"
)

// gate is a TCP proxy that can be shut: it still accepts, and passes nothing on.
type gate struct {
	address string // where it listens, host:port

	mu     sync.Mutex
	passes chan struct{} // closed while the gate is open
}

// newGate opens a gate to a server at host:port until the end of the test.
func newGate(t *testing.T, server string) *gate {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{address: listener.Addr().String(), passes: make(chan struct{})}
	g.open()
	var serving sync.WaitGroup
	done := make(chan struct{})
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.pass(client, server, done) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		close(done)
		serving.Wait()
	})
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.passes)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passes = make(chan struct{})
}

func (g *gate) passing() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passes
}

// pass connects a client with the server until one of them hangs up or done is closed.
func (g *gate) pass(client net.Conn, server string, done <-chan struct{}) {
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		_ = client.Close() // the client sees the same
		return
	}
	over := make(chan struct{})
	hangUp := sync.OnceFunc(func() {
		close(over)
		_, _ = client.Close(), upstream.Close() // on both sides
	})
	var copying sync.WaitGroup
	copying.Go(func() { defer hangUp(); g.copy(upstream, client, done) })
	copying.Go(func() { defer hangUp(); g.copy(client, upstream, done) })
	select {
	case <-done:
		hangUp()
	case <-over:
	}
	copying.Wait()
}

func (g *gate) copy(to io.Writer, from io.Reader, done <-chan struct{}) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		select {
		case <-g.passing():
		case <-done:
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// gated are servers of which Elasticsearch stands behind a gate.
type gated struct {
	stack.Servers
	gate *gate
}

func (g gated) URLs() stack.URLs {
	urls := g.Servers.URLs()
	urls.Elasticsearch = "http://" + g.gate.address
	return urls
}

// behind runs a second store, whose Elasticsearch is behind a gate.
func (s *Store) behind(t *testing.T, g *gate) *Store {
	return s.start(t, func(*testing.T) stack.Servers { return gated{s.servers, g} })
}
