// Package objectstream carries the bodies of objects between an API service and a data service. It
// streams: it buffers no more of a body than net/http does.
package objectstream

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	"gostore/common/names"
	"gostore/common/peer"
)

// Client talks to data services. Its methods may be called by several goroutines at once. Their
// errors are answers for the client where they can be.
type Client struct{ *peer.Client }

// NewClient returns a client with a connection pool of its own. With a secure configuration it speaks TLS.
func NewClient(secure *tls.Config) *Client { return &Client{peer.New(secure)} }

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

// Check has the data service at address verify what it holds under name, of size bytes, from end to
// end. The error wraps peer.ErrCorrupt if it holds nothing there, or nothing intact.
func (c *Client) Check(ctx context.Context, address, name string, size int64) error {
	ctx, watch := c.Watched(ctx, address, peer.TimeoutOf(size))
	defer watch.End()
	response, err := c.Ask(ctx, http.MethodPost, address, "objects/"+names.Segment(name))
	if err != nil {
		return err
	}
	return response.Body.Close()
}
