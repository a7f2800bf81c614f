package es

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	dialPatience   = 2 * time.Second
	answerPatience = 5 * time.Second  // for each request, once it is sent
	queuePatience  = 20 * time.Second // to be sent
	idlePatience   = 10 * time.Second
	atOnce         = 32
)

// transport has few requests under way at once: more would only wait in Elasticsearch, with their
// time running out there.
type transport struct {
	*http.Transport
	underWay chan struct{} // holds one for each
}

func newTransport() *transport {
	return &transport{
		&http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialPatience}).DialContext,
			IdleConnTimeout:     idlePatience,
			MaxIdleConnsPerHost: atOnce,
		},
		make(chan struct{}, atOnce),
	}
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
	response.Body = &answerBody{response.Body, end}
	return response, nil
}

func (t *transport) queue(ctx context.Context) error {
	select {
	case t.underWay <- struct{}{}:
		return nil
	default: // a timer is needed
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
