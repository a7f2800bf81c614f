package es

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	dialPatience   = 2 * time.Second
	answerPatience = 5 * time.Second  // for each request, once it is sent
	queuePatience  = 20 * time.Second // to be sent
	idlePatience   = 10 * time.Second
	atOnce         = 32

	fresh = 100 * time.Millisecond // for how long an answer says that there will be more
)

// transport has few requests under way at once: more would only wait in Elasticsearch, with their
// time running out there.
type transport struct {
	*http.Transport
	underWay chan struct{} // holds one for each
	answered atomic.Int64  // when the last answer came, in Unix nanoseconds; 0 after a connection has ended
}

func newTransport() *transport {
	t := &transport{underWay: make(chan struct{}, atOnce)}
	t.Transport = &http.Transport{
		DialContext:         t.dial,
		IdleConnTimeout:     idlePatience,
		MaxIdleConnsPerHost: atOnce,
	}
	return t
}

func (t *transport) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialPatience}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &watchedConn{conn, t}, nil
}

// watchedConn notices its end at once, since the library reads from connections that are idle too.
type watchedConn struct {
	net.Conn
	of *transport
}

func (c *watchedConn) Read(into []byte) (n int, err error) {
	if n, err = c.Conn.Read(into); err != nil {
		c.of.answered.Store(0)
	}
	return n, err
}

func (t *transport) justAnswered() bool {
	return time.Since(time.Unix(0, t.answered.Load())) < fresh
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.queue(r.Context()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerPatience)
	end := sync.OnceFunc(func() { cancel(); <-t.underWay })
	response, err := t.Transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	if response.StatusCode < http.StatusInternalServerError {
		t.answered.Store(time.Now().UnixNano())
	}
	response.Body = &answerBody{response.Body, end}
	return response, nil
}

func (t *transport) queue(ctx context.Context) error {
	select {
	case t.underWay <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, queuePatience)
	defer cancel()
	select {
	case t.underWay <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answerBody ends its request when it is closed.
type answerBody struct {
	io.ReadCloser
	end func()
}

func (b *answerBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
