package gate

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dial connects through a gate to an echo server.
func dial(t *testing.T, g *Gate) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", g.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it already
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn
}

func newEcho(t *testing.T) *Gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() }) // for this test only
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn) // until the test is done with it
				_ = conn.Close()
			}()
		}
	}()
	return New(t, listener.Addr().String())
}

func say(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	_, err := conn.Write(make([]byte, n))
	require.NoError(t, err)
}

func hears(conn net.Conn, n int) error {
	_, err := io.ReadFull(conn, make([]byte, n))
	return err
}

func TestOpenPasses(t *testing.T) {
	conn := dial(t, newEcho(t))
	say(t, conn, 100_000)
	require.NoError(t, hears(conn, 100_000))
}

func TestShutAfterAcceptsAndHolds(t *testing.T) {
	g := newEcho(t)
	g.ShutAfter(5)
	conn := dial(t, g)
	say(t, conn, 10)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	require.ErrorIs(t, hears(conn, 1), os.ErrDeadlineExceeded)
	g.Open()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	require.NoError(t, hears(conn, 10))
}

func TestSlow(t *testing.T) {
	g := newEcho(t)
	g.Slow(10_000)
	conn, start := dial(t, g), time.Now()
	say(t, conn, 2000)
	require.NoError(t, hears(conn, 2000))
	require.Greater(t, time.Since(start), 150*time.Millisecond)
}

func TestCutAfter(t *testing.T) {
	g := newEcho(t)
	conn, later := dial(t, g), dial(t, g)
	g.CutAfter(150) // of which 100 pass to the server, and 50 back
	say(t, conn, 100)
	require.NoError(t, hears(conn, 50))
	require.Error(t, hears(conn, 1))
	say(t, later, 1)
	require.Error(t, hears(later, 1))
	g.Open()
	conn = dial(t, g)
	say(t, conn, 1)
	require.NoError(t, hears(conn, 1))
}
