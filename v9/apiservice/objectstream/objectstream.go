// Package objectstream carries the bodies of objects between an API service and a data service. It
// streams: it buffers no more of a body than net/http does.
package objectstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gostore/common/httpd"
	"gostore/common/names"
	"gostore/common/requestid"
)

const (
	dialTimeout    = 2 * time.Second
	idleTimeout    = 10 * time.Second // of a connection that waits for the next request
	maxIdlePerHost = 64               // connections; the default of two would mean dialling under load
	maxAnswer      = 1 << 10          // bytes of an answer that is not an object
)

// ErrCorrupt is wrapped by the error for content that a data service does not hold, or not intact.
var ErrCorrupt = errors.New("missing or corrupt")

// Client talks to data services. Its methods may be called by several goroutines at once. Their
// errors are answers for the client where they can be.
type Client struct {
	http    *http.Client
	scheme  string // of every request: http, or https
	breaker breaker
}

// NewClient returns a client with a connection pool of its own. It follows no redirects: a data
// service sends none. With a secure configuration it speaks TLS.
func NewClient(secure *tls.Config) *Client {
	return &Client{breaker: breaker{services: map[string]*contact{}}, scheme: httpd.Scheme(secure), http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:     secure,
			TLSHandshakeTimeout: 2 * StallTimeout, // so that one that hangs counts as stalled
			IdleConnTimeout:     idleTimeout,
			MaxIdleConnsPerHost: maxIdlePerHost,
			DisableCompression:  true,
			WriteBufferSize:     40 << 10, // a chunk of a body, 32 KiB, and its length are one packet
		},
	}}
}

// Get returns what the data service at address holds at path, which is objects/NAME or uploads/NAME, from
// byte from on and before byte to. A negative from is counted from the end. The data service may be silent for timeout, before its answer and in
// the middle of it; after that the error wraps ErrStalled. The caller closes the Download.
func (c *Client) Get(ctx context.Context, address, path string, from, to int64, timeout time.Duration) (*Download, error) {
	ctx, watch := c.watched(ctx, address, timeout)
	response, err := c.ask(ctx, http.MethodGet, address, path, fmt.Sprintf("?from=%d&to=%d", from, to))
	if err != nil {
		watch.end()
		return nil, err
	}
	watch.timer.Stop()
	size, err := strconv.ParseInt(response.Header.Get("Size"), 10, 64)
	if err != nil {
		size = -1 // that of no file
	}
	return &Download{size, response.Body, watch}, nil
}

// Check has the data service at address verify what it holds under name, of up to size bytes, from end to
// end, and returns its encoding. The error wraps ErrCorrupt if it holds nothing there, or nothing intact.
func (c *Client) Check(ctx context.Context, address, name string, size int64) (encoding string, err error) {
	header, err := c.command(ctx, http.MethodPost, address, name, size)
	return header.Get("Encoding"), err
}

// Quarantine has the data service at address take what it holds under name out of use.
func (c *Client) Quarantine(ctx context.Context, address, name string) error {
	_, err := c.command(ctx, http.MethodDelete, address, name, 0)
	return err
}

// command sends a request without a body that may take as long as reading size bytes does, and returns the
// header of the answer.
func (c *Client) command(ctx context.Context, method, address, name string, size int64) (http.Header, error) {
	ctx, watch := c.watched(ctx, address, timeoutOf(size))
	defer watch.end()
	response, err := c.ask(ctx, method, address, "objects/"+name, "")
	if err != nil {
		return nil, err
	}
	return response.Header, response.Body.Close()
}

func (c *Client) ask(ctx context.Context, method, address, path, query string) (*http.Response, error) {
	if err := c.breaker.allow(address); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/"+path+query, nil)
	if err != nil {
		return nil, err
	}
	return c.do(request, address)
}

// Locate asks the data service at address whether it holds a name, and returns its answer.
func (c *Client) Locate(ctx context.Context, address, name string) ([]byte, error) {
	ctx, watch := c.watched(ctx, address, StallTimeout)
	defer watch.end()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/locate/"+names.Segment(name), nil)
	if err != nil {
		return nil, err
	}
	response, err := c.do(request, address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // it is short
	return io.ReadAll(io.LimitReader(response.Body, maxAnswer))
}

// do returns an answer of success, whose body the caller closes, or an error.
func (c *Client) do(request *http.Request, address string) (*http.Response, error) {
	request.URL.Scheme = c.scheme
	requestid.Forward(request)
	response, err := c.http.Do(request)
	if err == nil || request.Context().Err() == nil {
		c.breaker.answered(address)
	}
	if err != nil {
		return nil, unavailable(request.Context(), address, err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close() // only its one line is of interest
		return nil, passOn(response, address)
	}
	return response, nil
}

// unavailable is what a client is told of a data service that died or stalls. A moment later it is
// either back or no longer chosen.
func unavailable(ctx context.Context, address string, err error) error {
	if stalled := context.Cause(ctx); errors.Is(stalled, ErrStalled) {
		err = stalled
	}
	return fmt.Errorf("%w: %w", httpd.Unavailable("data service %s does not answer: try again", address), err)
}

// passOn turns an answer other than success into ours. What the client can act on is passed on
// unchanged.
func passOn(response *http.Response, address string) error {
	line, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return unavailable(response.Request.Context(), address, err)
	}
	message := strings.TrimSpace(string(line))
	switch response.StatusCode {
	case http.StatusServiceUnavailable:
		return httpd.Unavailable("data service %s: %s", address, message)
	case http.StatusNotFound: // it held the content when it was asked
		return fmt.Errorf("%w: %w", httpd.Unavailable("data service %s: %s: try again", address, message), ErrCorrupt)
	case http.StatusBadRequest, http.StatusConflict, http.StatusLocked, http.StatusRequestTimeout, http.StatusInsufficientStorage:
		return httpd.Errorf(response.StatusCode, "%s", message)
	}
	return httpd.Errorf(http.StatusBadGateway, "data service %s failed: %s", address, message)
}

// Refusal returns the answer to a client whose content no data service takes, from the error of
// each. It is 507 only if all of them are full: another one may take it in a moment.
func Refusal(errs []error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return !IsFull(err) }); i > 0 {
		errs[0], errs[i] = errs[i], errs[0]
	}
	return errors.Join(errs...)
}

// IsFull reports whether err says that the disk of a data service is full.
func IsFull(err error) bool {
	var e *httpd.Error
	return errors.As(err, &e) && e.Status == http.StatusInsufficientStorage
}
