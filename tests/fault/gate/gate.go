// Package gate is a network that fails: a TCP proxy in front of a server, which is slow, silent or cut
// when a test says so.
package gate

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// beat is how often a slow gate passes something on.
const beat = 20 * time.Millisecond

// Gate passes on what comes, both ways, until it is told otherwise. Its methods may be called by
// several goroutines at once; what they say goes for connections that there are and that there will be.
type Gate struct {
	Address string // where it listens, host:port

	server string
	done   chan struct{} // closed at the end

	mu      sync.Mutex
	rate    int           // bytes a second, on each connection and each way; 0: as they come
	left    int64         // bytes until the end; < 0: there is none
	cuts    bool          // at the end connections are cut; else nothing passes any more
	changed chan struct{} // closed when something of this has changed
}

// New opens a gate to a server at host:port until the end of the test.
func New(t *testing.T, server string) *Gate {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &Gate{Address: listener.Addr().String(), server: server, done: make(chan struct{}), left: -1, changed: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.pass(client) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		close(g.done)
		serving.Wait()
	})
	return g
}

// Open lets everything pass, also what a shut gate has held up.
func (g *Gate) Open() { g.set(0, -1, false) }

// Slow lets so many bytes pass in a second, on each connection and each way.
func (g *Gate) Slow(rate int) { g.set(rate, -1, false) }

// CutAfter lets n more bytes pass and then cuts every connection on which something comes.
func (g *Gate) CutAfter(n int64) { g.set(0, n, true) }

// ShutAfter lets n more bytes pass and then nothing, and goes on accepting connections.
func (g *Gate) ShutAfter(n int64) { g.set(0, n, false) }

func (g *Gate) set(rate int, left int64, cuts bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rate, g.left, g.cuts = rate, left, cuts
	close(g.changed)
	g.changed = make(chan struct{})
}

// pass connects a client with the server until one of them hangs up or the gate is done.
func (g *Gate) pass(client net.Conn) {
	upstream, err := net.Dial("tcp", g.server)
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
	copying.Go(func() { defer hangUp(); g.copy(upstream, client, over) })
	copying.Go(func() { defer hangUp(); g.copy(client, upstream, over) })
	select {
	case <-g.done:
		hangUp()
	case <-over:
	}
	copying.Wait()
}

func (g *Gate) copy(to io.Writer, from io.Reader, over <-chan struct{}) {
	buffer := make([]byte, 256<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) > 0; {
			n, cut := g.admit(len(rest), over)
			if cut {
				return
			}
			if _, err := to.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
	}
}

// admit waits until something may pass, and tells how many of n bytes, or that the connection is cut.
func (g *Gate) admit(n int, over <-chan struct{}) (admitted int, cut bool) {
	for {
		if rate := g.pace(); rate > 0 {
			start := time.Now()
			select {
			case <-time.After(beat):
			case <-over:
			}
			return min(n, int(max(1, int64(rate)*int64(time.Since(start))/int64(time.Second)))), false
		}
		admitted, cut, changed := g.take(n)
		if admitted > 0 || cut {
			return admitted, cut
		}
		select {
		case <-changed:
		case <-over:
			return 0, true
		}
	}
}

func (g *Gate) pace() (rate int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rate
}

// take takes up to n of the bytes that may pass now. Where none may, there will be no other answer
// before something has changed.
func (g *Gate) take(n int) (taken int, cut bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left < 0 {
		return n, false, g.changed
	}
	taken = int(min(int64(n), g.left))
	g.left -= int64(taken)
	return taken, taken == 0 && g.cuts, g.changed
}
