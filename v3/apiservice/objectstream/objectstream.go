// Package objectstream carries the bodies of objects between an API service and a data service. It
// streams: it buffers no more of a body than net/http does.
package objectstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"gostore/common/names"
	"gostore/common/peer"
)

// errRefused is wrapped by the error for a data service that has taken nothing of a body.
var errRefused = errors.New("refused")

// Client talks to data services. Its methods may be called by several goroutines at once. Their
// errors are answers for the client where they can be.
type Client struct{ *peer.Client }

// NewClient returns a client with a connection pool of its own. With a secure configuration it speaks TLS.
func NewClient(secure *tls.Config) *Client { return &Client{peer.New(secure)} }

// Put has the first of the data services that takes body store it under name, and returns once it is
// durable there. size is −1 if it is not known beforehand. After an error of body nothing is stored.
func (c *Client) Put(ctx context.Context, addresses []string, name string, body io.Reader, size int64) error {
	var refusals []error
	for _, address := range addresses {
		err := c.put(ctx, address, name, body, size)
		if !errors.Is(err, errRefused) || ctx.Err() != nil {
			return err
		}
		refusals = append(refusals, err)
	}
	return peer.Refusal(refusals)
}

// put waits until the data service is ready to take the body: it may have no room, or be down. The
// error wraps errRefused if nothing of the body was read.
func (c *Client) put(ctx context.Context, address, name string, body io.Reader, size int64) error {
	if err := c.Allow(address); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	ctx, watch := c.Watched(ctx, address, peer.StallTimeout)
	defer watch.End()
	up := &upload{body: body, watch: watch}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+address+"/objects/"+names.Segment(name), up)
	if err != nil {
		return err
	}
	request.Header.Set("Expect", "100-continue")
	request.ContentLength = size
	if size == 0 {
		request.Body = http.NoBody // 0 with a body would mean an unknown size to net/http
	}
	err = c.Finish(request, address)
	if err != nil && up.begun.CompareAndSwap(false, true) { // from now on nothing is read
		err = fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// Get returns the object that the data service at address holds under name. The data service may be
// silent for timeout, before its answer and in the middle of it; after that the error wraps
// peer.ErrStalled. The caller closes the Download.
func (c *Client) Get(ctx context.Context, address, name string, timeout time.Duration) (*Download, error) {
	ctx, watch := c.Watched(ctx, address, timeout)
	response, err := c.Ask(ctx, http.MethodGet, address, "objects/"+names.Segment(name))
	if err != nil {
		watch.End()
		return nil, err
	}
	watch.Stop()
	return &Download{response.ContentLength, response.Body, watch}, nil
}
