// Package peer is the way from an API service to data services over HTTP: a pool of connections, a timeout
// for one that stalls, a circuit breaker that leaves it out for a while, and errors that are answers for
// the client.
package peer

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
	"sync"
	"time"

	"gostore/common/httpd"
	"gostore/common/names"
	"gostore/common/requestid"
)

const (
	dialTimeout    = 2 * time.Second
	idleTimeout    = 10 * time.Second // of a connection that waits for the next request
	maxIdlePerHost = 64               // connections; the default of two would mean dialling under load
)

// MaxAnswer is how many bytes of an answer that is not an object are read.
const MaxAnswer = 1 << 10

// ErrCorrupt is wrapped by the error for content that a data service does not hold, or not intact.
var ErrCorrupt = errors.New("missing or corrupt")

// Client talks to data services. Its methods may be called by several goroutines at once. Their errors
// are answers for the client where they can be.
type Client struct {
	http    *http.Client
	scheme  string // of every request: http, or https
	breaker breaker
	late    sync.Map // when a data service exceeded a short timeout, by address
}

// New returns a client with a connection pool of its own. It follows no redirects: a data service sends
// none. With a secure configuration it speaks TLS.
func New(secure *tls.Config) *Client {
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
			// Longer than anything waits: a data service that does not say that it takes a body gets none.
			ExpectContinueTimeout: 2 * StallTimeout,
		},
	}}
}

// Ask sends a request without a body, unless the data service is left out. path begins without a slash and
// may have a query. The caller closes the body of the answer.
func (c *Client) Ask(ctx context.Context, method, address, path string) (*http.Response, error) {
	if err := c.Allow(address); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	return c.Do(request, address)
}

// Do returns an answer of success, whose body the caller closes, or an error.
func (c *Client) Do(request *http.Request, address string) (*http.Response, error) {
	request.URL.Scheme = c.scheme
	requestid.Forward(request)
	response, err := c.http.Do(request)
	if err == nil || request.Context().Err() == nil {
		c.breaker.answered(address)
	}
	if err != nil {
		return nil, Unavailable(request.Context(), address, err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close() // only its one line is of interest
		return nil, passOn(response, address)
	}
	return response, nil
}

// Finish sends a request of whose answer only the success is of interest.
func (c *Client) Finish(request *http.Request, address string) error {
	response, err := c.Do(request, address)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Unavailable is what a client is told of a data service that died or stalls. A moment later it is
// either back or no longer chosen.
func Unavailable(ctx context.Context, address string, err error) error {
	if stalled := context.Cause(ctx); errors.Is(stalled, ErrStalled) {
		err = stalled
	}
	return fmt.Errorf("%w: %w", httpd.Unavailable("data service %s does not answer: try again", address), err)
}

// passOn turns an answer other than success into ours. What the client can act on is passed on
// unchanged.
func passOn(response *http.Response, address string) error {
	line, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer))
	if err != nil {
		return Unavailable(response.Request.Context(), address, err)
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

// Locate asks the data service at address itself whether it holds a name, and returns its answer: a broker
// in an alarm takes no questions.
func (c *Client) Locate(ctx context.Context, address, name string) ([]byte, error) {
	ctx, watch := c.Watched(ctx, address, StallTimeout)
	defer watch.End()
	response, err := c.Ask(ctx, http.MethodGet, address, "locate/"+names.Segment(name))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // it is short
	return io.ReadAll(io.LimitReader(response.Body, MaxAnswer))
}

// IsAddress reports whether text is HOST:PORT and nothing else: requests are sent to what strangers say.
func IsAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && !strings.ContainsAny(host, "/?#@%\\ \t\r\n")
}
