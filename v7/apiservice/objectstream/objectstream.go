// Package objectstream carries the bodies of objects between an API service and a data service. It
// streams: it buffers no more of a body than net/http does.
package objectstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"gostore/common/hash"
	"gostore/common/peer"
)

// Client talks to data services. Its methods may be called by several goroutines at once. Their
// errors are answers for the client where they can be.
type Client struct{ *peer.Client }

// NewClient returns a client with a connection pool of its own. With a secure configuration it speaks TLS.
func NewClient(secure *tls.Config) *Client { return &Client{peer.New(secure)} }

// Get returns what the data service at address holds at path, which is objects/NAME or uploads/NAME, from
// byte from on and before byte to. A negative from is counted from the end. The data service may be silent for timeout, before its answer and in
// the middle of it; after that the error wraps peer.ErrStalled. The caller closes the Download.
func (c *Client) Get(ctx context.Context, address, path string, from, to int64, timeout time.Duration) (*Download, error) {
	ctx, watch := c.Watched(ctx, address, timeout)
	response, err := c.Ask(ctx, http.MethodGet, address, fmt.Sprintf("%s?from=%d&to=%d", path, from, to))
	if err != nil {
		watch.End()
		return nil, err
	}
	watch.Stop()
	size, err := strconv.ParseInt(response.Header.Get("Size"), 10, 64)
	if err != nil {
		size = -1 // that of no file
	}
	return &Download{size, response.Body, watch}, nil
}

// Check has the data service at address verify what it holds under name, of up to size bytes, from end to
// end, and returns its encoding and the hash of it. The error wraps peer.ErrCorrupt if it holds nothing there,
// or nothing intact.
func (c *Client) Check(ctx context.Context, address, name string, size int64) (encoding string, digest hash.Hash, err error) {
	ctx, watch := c.Watched(ctx, address, peer.TimeoutOf(size))
	defer watch.End()
	response, err := c.Ask(ctx, http.MethodPost, address, "objects/"+name)
	if err != nil {
		return "", digest, err
	}
	_ = response.Body.Close() // it is empty
	digest, err = hash.FromHeader(response.Header)
	return response.Header.Get("Encoding"), digest, err
}

// Quarantine has the data service at address take what it holds under name out of use.
func (c *Client) Quarantine(ctx context.Context, address, name string) error {
	ctx, watch := c.Watched(ctx, address, peer.TimeoutOf(0))
	defer watch.End()
	response, err := c.Ask(ctx, http.MethodDelete, address, "objects/"+name)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
