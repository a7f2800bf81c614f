// Package gate simulates network faults: a TCP proxy in front of a server that tests can slow down,
// stall or cut.
package gate

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// beat is how often a slow gate forwards bytes.
const beat = 20 * time.Millisecond

// Gate forwards bytes in both directions. Its methods may be called by several goroutines
// concurrently; they apply to existing and future connections.
type Gate struct {
	Address string // where it listens, host:port

	servers []string
	done    chan struct{} // closed at the end

	mu      sync.Mutex
	rate    int           // bytes a second per connection and direction; 0: unlimited
	left    int64         // bytes until the limit; < 0: no limit
	cuts    bool          // at the limit connections are cut; otherwise they stall
	changed chan struct{} // closed at every change of rate, left or cuts
	passed  int64         // bytes in both directions, while the rate was unlimited
	opened  int           // connections
}

// New starts a gate to a server at host:port, or like a load balancer to several: it connects each
// client to the first that accepts. It listens until the end of the test.
func New(t *testing.T, servers ...string) *Gate {
	return open(t, listen(t), servers)
}

// NewTLS is New for clients that speak TLS. What it forwards is plain.
func NewTLS(t *testing.T, secure *tls.Config, servers ...string) *Gate {
	return open(t, tls.NewListener(listen(t), secure), servers)
}

func listen(t *testing.T) net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func open(t *testing.T, listener net.Listener, servers []string) *Gate {
	g := &Gate{Address: listener.Addr().String(), servers: servers, done: make(chan struct{}), left: -1, changed: make(chan struct{})}
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

// Open forwards everything, including what a shut gate has held back.
func (g *Gate) Open() { g.set(0, -1, false) }

// Slow limits each connection and direction to rate bytes a second.
func (g *Gate) Slow(rate int) { g.set(rate, -1, false) }

// CutAfter forwards n more bytes and then cuts every connection that receives data.
func (g *Gate) CutAfter(n int64) { g.set(0, n, true) }

// ShutAfter forwards n more bytes and then none. Connections are still accepted.
func (g *Gate) ShutAfter(n int64) { g.set(0, n, false) }

// Traffic returns how many connections clients have opened, and how many bytes have passed in both
// directions while the rate was unlimited.
func (g *Gate) Traffic() (connections int, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened, g.passed
}

func (g *Gate) set(rate int, left int64, cuts bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rate, g.left, g.cuts = rate, left, cuts
	close(g.changed)
	g.changed = make(chan struct{})
}

// pass forwards a client's connection until either side closes it or the gate is closed.
func (g *Gate) pass(client net.Conn) {
	g.mu.Lock()
	g.opened++
	g.mu.Unlock()
	upstream := g.dial()
	if upstream == nil {
		_ = client.Close() // the client sees a closed connection too
		return
	}
	over := make(chan struct{})
	hangUp := sync.OnceFunc(func() {
		close(over)
		_, _ = client.Close(), upstream.Close() // ends both copies
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

// dial returns nil if no server accepts.
func (g *Gate) dial() net.Conn {
	for _, server := range g.servers {
		if conn, err := net.Dial("tcp", server); err == nil {
			return conn
		}
	}
	return nil
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

// admit waits until bytes may pass and returns how many of n, or that the connection is cut.
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

// take takes up to n of the bytes that may pass now. If it returns 0 and false, the answer is the
// same until changed is closed.
func (g *Gate) take(n int) (taken int, cut bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left < 0 {
		g.passed += int64(n)
		return n, false, g.changed
	}
	taken = int(min(int64(n), g.left))
	g.left -= int64(taken)
	g.passed += int64(taken)
	return taken, taken == 0 && g.cuts, g.changed
}
