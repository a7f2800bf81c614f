// Package objectstream carries the bodies of objects between an API service and a data service. It
// holds no more of one than the buffers of net/http.
package objectstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"gostore/common/httpd"
)

const (
	dialPatience = 2 * time.Second
	idlePatience = 10 * time.Second // how long a connection is kept for the next request
	idlePerHost  = 64               // connections kept; two, the default, would be dialled anew under load
	smallShard   = 8 << 10          // bytes that go out in one piece with the header: the shard of a small object does
)

// ErrGone is wrapped by the errors for what a data service has not got, or not any more.
var ErrGone = errors.New("it has not got the shard")

// Client talks to data services. Its methods may be called by several goroutines at once. Their
// errors are answers for the client where they can be.
type Client struct {
	http *http.Client
}

// NewClient returns a client with a pool of connections of its own.
func NewClient() *Client {
	dialer := net.Dialer{Timeout: dialPatience}
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return conn{c}, nil
		},
		WriteBufferSize:     smallShard,
		ReadBufferSize:      smallShard,
		IdleConnTimeout:     idlePatience,
		MaxIdleConnsPerHost: idlePerHost,
		DisableCompression:  true,
	}}}
}

// Get returns the shard that the data service at address has under name, from a byte on. The data service
// is given patience for the answer to begin, after which the error wraps ErrStalled. The caller closes the
// Download.
func (c *Client) Get(ctx context.Context, address, name string, from int64, patience time.Duration) (*Download, error) {
	ctx, watch := watched(ctx, address, patience)
	response, err := c.ask(ctx, http.MethodGet, address, fmt.Sprintf("%s?from=%d", name, from))
	if err != nil {
		watch.end()
		return nil, err
	}
	watch.timer.Stop()
	return &Download{response.ContentLength, response.Body, watch}, nil
}

// Put has the data service at address keep a whole shard, of which shard has the pieces. When it returns nil
// that is durable and can be read. Whatever it returns, the pieces are not looked at any more.
func (c *Client) Put(ctx context.Context, address, name string, shard net.Buffers) error {
	ctx, watch := watched(ctx, address, StallPatience)
	defer watch.end()
	size := 0
	for _, piece := range shard {
		size += len(piece)
	}
	if size <= smallShard {
		return c.putSmall(ctx, address, name, slices.Concat(shard...))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, objectURL(address, name), nil)
	if err != nil {
		return err
	}
	request.ContentLength = int64(size)
	var sent bodies
	defer sent.open.Wait()
	request.GetBody = func() (io.ReadCloser, error) { // again where a connection turns out to have been closed
		return sent.add(slices.Clone(shard), func() (net.Buffers, error) { return nil, io.EOF }, watch), nil
	}
	if request.Body, err = request.GetBody(); err != nil {
		return err
	}
	return c.finish(request, address)
}

// putSmall sends what net/http knows to be in memory, which it does not send the header ahead of: that
// would wake the data service twice.
func (c *Client) putSmall(ctx context.Context, address, name string, shard []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, objectURL(address, name), bytes.NewReader(shard))
	if err != nil {
		return err
	}
	return c.finish(request, address)
}

// Check has the data service at address look whether what it has under name is whole. ErrGone: it is
// not, or there is nothing.
func (c *Client) Check(ctx context.Context, address, name string) error {
	ctx, watch := watched(ctx, address, commitPatience) // it reads all of it
	defer watch.end()
	response, err := c.ask(ctx, http.MethodPost, address, name)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (c *Client) ask(ctx context.Context, method, address, name string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, objectURL(address, name), nil)
	if err != nil {
		return nil, err
	}
	return c.do(request, address)
}

func objectURL(address, name string) string {
	return "http://" + address + "/objects/" + name
}

// do returns an answer of success, whose body the caller closes, or an error.
func (c *Client) do(request *http.Request, address string) (*http.Response, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, noAnswer(request.Context(), address, err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close() // of no use beyond its line
		return nil, passOn(response, address)
	}
	return response, nil
}

// noAnswer is what a client is told of a data service that died or stalls. A moment later it is
// either back or no longer chosen.
func noAnswer(ctx context.Context, address string, err error) error {
	if stalled := context.Cause(ctx); errors.Is(stalled, ErrStalled) {
		err = stalled
	}
	return fmt.Errorf("%w: %w", httpd.Unavailable("data service %s does not answer: try again", address), err)
}

// passOn turns an answer other than 200 into ours. What the client can act on is passed on as it is.
func passOn(response *http.Response, address string) error {
	line, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return noAnswer(response.Request.Context(), address, err)
	}
	message := strings.TrimSpace(string(line))
	switch response.StatusCode {
	case http.StatusServiceUnavailable:
		return httpd.Unavailable("data service %s: %s", address, message)
	case http.StatusNotFound: // it had the content when it was asked
		return fmt.Errorf("data service %s: %w", address, ErrGone)
	case http.StatusBadRequest, http.StatusRequestTimeout, http.StatusInsufficientStorage:
		return httpd.Errorf(response.StatusCode, "%s", message)
	}
	return httpd.Errorf(http.StatusBadGateway, "data service %s failed: %s", address, message)
}
