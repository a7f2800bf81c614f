package es

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"gostore/common/metrics"
	"gostore/common/requestid"
)

const (
	dialTimeout   = 2 * time.Second
	answerTimeout = 5 * time.Second  // of each request, once it is sent
	queueTimeout  = 20 * time.Second // for the semaphore
	idleTimeout   = 10 * time.Second
	maxInFlight   = 32
)

// transport limits the requests in flight: more would only wait in Elasticsearch, where their
// timeout runs. It counts them, and has each carry the ID of the request that it is for.
type transport struct {
	*http.Transport
	counts   metrics.Elasticsearch
	inFlight chan struct{} // a semaphore
}

func newTransport(secure *tls.Config, counts metrics.Elasticsearch) *transport {
	return &transport{
		&http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:     secure,
			TLSHandshakeTimeout: dialTimeout,
			IdleConnTimeout:     idleTimeout,
			MaxIdleConnsPerHost: maxInFlight,
		},
		counts,
		make(chan struct{}, maxInFlight),
	}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.queue(r.Context()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	end := sync.OnceFunc(func() { cancel(); <-t.inFlight })
	r = r.Clone(ctx)
	if id := requestid.Of(ctx); id != "" {
		r.Header.Set("X-Opaque-Id", id) // Elasticsearch has it in its tasks and slow logs
	}
	response, err := t.Transport.RoundTrip(inTime(r))
	if err != nil {
		t.counts.Answered(0)
		end()
		return nil, err
	}
	t.counts.Answered(response.StatusCode)
	response.Body = &answerBody{response.Body, end}
	return response, nil
}

// inTime has a request read its body only before its deadline. So a process that was frozen, and goes on
// after the deadline, sends nothing.
func inTime(r *http.Request) *http.Request {
	deadline, _ := r.Context().Deadline() // it has one
	if r.Body != nil {
		r.Body = timelyBody{r.Body, deadline}
	}
	if again := r.GetBody; again != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return timelyBody{body, deadline}, err
		}
	}
	return r
}

type timelyBody struct {
	io.ReadCloser
	deadline time.Time
}

func (b timelyBody) Read(p []byte) (int, error) {
	if IsPast(b.deadline) {
		return 0, context.DeadlineExceeded
	}
	return b.ReadCloser.Read(p)
}

// IsPast reports whether a time is past by the wall clock or by the monotonic one, which stands still while
// the machine is suspended.
func IsPast(t time.Time) bool {
	now := time.Now()
	return now.After(t) || now.Round(0).After(t.Round(0))
}

func (t *transport) queue(ctx context.Context) error {
	select {
	case t.inFlight <- struct{}{}:
		return nil
	default: // wait, within a timeout
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	select {
	case t.inFlight <- struct{}{}:
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
