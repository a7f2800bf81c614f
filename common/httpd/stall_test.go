package httpd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests are about seconds and minutes, and run on the fake clock of testing/synctest. Real
// sockets would stop that clock, so a connection is a net.Pipe here: it has deadlines like a
// socket, and takes a byte only when the other side reads it.

func TestBodyStall(t *testing.T) {
	inBubble(t, echo(), func(t *testing.T, c *client) {
		c.send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
		status, line := c.answer()
		require.Equal(t, 408, status)
		require.Equal(t, "no byte of the body came for 15s, after 3 bytes\n", line)
		require.Equal(t, stallTimeout, c.elapsed())
		c.wantClosed()
	})
}

func TestBodyThatTrickles(t *testing.T) {
	inBubble(t, echo(), func(t *testing.T, c *client) {
		c.send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
		for range 10 {
			time.Sleep(stallTimeout - time.Second)
			c.send("x")
		}
		status, body := c.answer()
		require.Equal(t, 200, status)
		require.Equal(t, "xxxxxxxxxx", body)
	})
}

func TestLongWorkAfterTheBody(t *testing.T) {
	handler := Handler(func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.Copy(io.Discard, NewBody(w, r)); err != nil {
			return err
		}
		time.Sleep(time.Minute)
		return r.Context().Err()
	})
	inBubble(t, Routes{"work": handler}, func(t *testing.T, c *client) {
		for _, body := range []string{"Content-Length: 3\r\n\r\nabc", "Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"} {
			c.send("PUT /work HTTP/1.1\r\nHost: x\r\n" + body)
			status, line := c.answer()
			require.Equal(t, 200, status, line)
		}
	})
}

// A client that announces a body and does not send it gets its answer, and its connection is
// closed, also where the handler does not read the body, or net/http answers without a handler.
func TestBodyThatIsNotRead(t *testing.T) {
	for request, want := range map[string]int{
		"GET /nothing/x HTTP/1.1\r\n":                404,
		"GET /echo/x HTTP/1.1\r\n":                   405,
		"GET /healthz HTTP/1.1\r\n":                  200,
		"OPTIONS * HTTP/1.1\r\n":                     200,
		"PUT /echo HTTP/1.1\r\nExpect: the best\r\n": 417,
	} {
		for _, body := range []string{"Content-Length: 10\r\n\r\n", "Content-Length: 10\r\n\r\nfour", "Transfer-Encoding: chunked\r\n\r\n4\r\nfo"} {
			routes := Routes{"echo": Methods{"PUT": says("")}, "healthz": Health(func() error { return nil })}
			inBubble(t, routes, func(t *testing.T, c *client) {
				c.send(request + "Host: x\r\n" + body)
				status, _ := c.answer()
				require.Equal(t, want, status, request)
				require.LessOrEqual(t, c.elapsed(), stallTimeout, request)
				c.wantClosed()
			})
		}
	}
}

// A request without a body may take longer than a body may.
func TestLongWorkWithoutBody(t *testing.T) {
	handler := Handler(func(_ http.ResponseWriter, r *http.Request) error {
		time.Sleep(time.Minute)
		return r.Context().Err()
	})
	inBubble(t, handler, func(t *testing.T, c *client) {
		for range 2 {
			c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			status, line := c.answer()
			require.Equal(t, 200, status, line)
		}
	})
}

func TestSendToClientThatStopsReading(t *testing.T) {
	failed := make(chan error, 1)
	handler := Handler(func(w http.ResponseWriter, _ *http.Request) error {
		err := Send(w, strings.NewReader(strings.Repeat("x", 2*pieceSize)), 2*pieceSize)
		failed <- err
		return err
	})
	inBubble(t, handler, func(t *testing.T, c *client) {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err := io.CopyN(io.Discard, c.conn, pieceSize)
		require.NoError(t, err)
		time.Sleep(takeTimeout)
		synctest.Wait()
		require.Len(t, failed, 1, "given up by now")
		require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)
		c.wantClosed()
	})
}

func TestSendWithinAnotherTimeout(t *testing.T) {
	failed := make(chan error, 1)
	handler := Handler(func(w http.ResponseWriter, _ *http.Request) error {
		err := SendWithin(w, strings.NewReader(strings.Repeat("x", 2*pieceSize)), 2*pieceSize, time.Hour)
		failed <- err
		return err
	})
	inBubble(t, handler, func(t *testing.T, c *client) {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		require.Empty(t, failed)
		time.Sleep(time.Second)
		synctest.Wait()
		require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)
	})
}

func TestSendToSlowClient(t *testing.T) {
	const size = 4 * pieceSize
	handler := Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		return Send(w, strings.NewReader(strings.Repeat("x", size)), size)
	})
	inBubble(t, handler, func(t *testing.T, c *client) {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(c.reader, nil)
		require.NoError(t, err)
		for range size / pieceSize {
			time.Sleep(takeTimeout / 2)
			_, err := io.CopyN(io.Discard, answer.Body, pieceSize)
			require.NoError(t, err)
		}
	})
}

// A deadline that one request has set must not end the next one on the same connection.
func TestConnectionServesAnotherRequest(t *testing.T) {
	inBubble(t, echo(), func(t *testing.T, c *client) {
		for range 3 {
			c.send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
			status, body := c.answer()
			require.Equal(t, 200, status)
			require.Equal(t, "abc", body)
			time.Sleep(idleTimeout - time.Second)
			c.send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
			status, _ = c.answer()
			require.Equal(t, 404, status)
		}
	})
}

func TestHeaderThatStallsAndIdleConnection(t *testing.T) {
	inBubble(t, echo(), func(t *testing.T, c *client) {
		c.send("GET /echo HTTP/1.1\r\nHo")
		c.wantClosed()
		require.Equal(t, headerTimeout, c.elapsed())
	})
	inBubble(t, echo(), func(t *testing.T, c *client) {
		c.send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer()
		c.wantClosed()
		require.Equal(t, idleTimeout, c.elapsed())
	})
}

func TestStopCutsOffRequestsThatDoNotFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		network := newNetwork()
		ended := make(chan error, 1)
		forever := Handler(func(_ http.ResponseWriter, r *http.Request) error { <-r.Context().Done(); return r.Context().Err() })
		go func() { ended <- serve(ctx, network, forever, slog.New(slog.DiscardHandler)) }()
		c := network.dial(t)
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		stop()
		require.NoError(t, <-ended)
		require.Equal(t, drainTimeout, c.elapsed())
		c.wantClosed()
		require.NoError(t, c.conn.Close())
	})
}

// inBubble runs one client against a server, both on a fake clock. Afterwards the server must stop
// immediately; synctest fails the test if it leaves a goroutine.
func inBubble(t *testing.T, handler http.Handler, test func(t *testing.T, c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		network := newNetwork()
		ended := make(chan error, 1)
		go func() { ended <- serve(ctx, network, handler, slog.New(slog.DiscardHandler)) }()
		c := network.dial(t)
		defer func() {
			_ = c.conn.Close() // an error would be that it is closed
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		test(t, c)
	})
}

// network is a listener whose connections are pipes.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newNetwork() *network {
	n := &network{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.close = sync.OnceFunc(func() { close(n.closed) })
	return n
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.conns:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { n.close(); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

func (n *network) dial(t *testing.T) *client {
	ours, theirs := net.Pipe()
	n.conns <- theirs
	require.NoError(t, ours.SetReadDeadline(time.Now().Add(time.Hour))) // a server that never answers
	return &client{t, ours, bufio.NewReader(ours), time.Now()}
}

// client is the one end of a connection.
type client struct {
	t      *testing.T
	conn   net.Conn
	reader *bufio.Reader
	since  time.Time
}

func (c *client) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, text)
	require.NoError(c.t, err)
}

func (c *client) answer() (status int, body string) {
	c.t.Helper()
	return readAnswer(c.t, c.reader)
}

// wantClosed waits for the server to close the connection, and takes what it still sends.
func (c *client) wantClosed() {
	c.t.Helper()
	_, err := io.Copy(io.Discard, c.reader)
	require.NoError(c.t, err)
}

func (c *client) elapsed() time.Duration { return time.Since(c.since) }

func TestStreamToClientThatStopsReading(t *testing.T) {
	ended := make(chan error, 1)
	handler := Handler(func(w http.ResponseWriter, _ *http.Request) error {
		lines := Stream(w)
		for {
			if _, err := lines.Write(make([]byte, 4<<10)); err != nil {
				ended <- err
				return err
			}
		}
	})
	inBubble(t, Routes{"lines": handler}, func(t *testing.T, c *client) {
		c.send("GET /lines HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(takeTimeout)
		synctest.Wait()
		require.Len(t, ended, 1, "given up by now")
		require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
	})
}
