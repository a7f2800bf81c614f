// Package objects serves objects to clients by passing them on to and from data services.
//
//	PUT      /objects/NAME   keeps the body under NAME, in place of what had the name
//	GET/HEAD /objects/NAME   answers with it
package objects

import (
	"context"
	"io"
	"net/http"

	"gostore/common/httpd"
	"gostore/common/names"
)

// Locator finds the data service that holds an object; "" if there is none, as far as is known, and
// sure if that is certain.
type Locator interface {
	Find(ctx context.Context, name string) (address string, sure bool, err error)
}

// Chooser picks a data service for a new object.
type Chooser interface {
	Choose() (address string, err error)
}

// Streamer carries bodies to and from data services. Sizes are in bytes, −1 for unknown.
type Streamer interface {
	Put(ctx context.Context, address, name string, body io.Reader, size int64) error
	// Get returns the body, which the caller closes.
	Get(ctx context.Context, address, name string) (body io.ReadCloser, size int64, err error)
	Head(ctx context.Context, address, name string) (size int64, err error)
}

type handler struct {
	locator Locator
	chooser Chooser
	streams Streamer
}

// Handler answers for /objects/NAME.
func Handler(locator Locator, chooser Chooser, streams Streamer) http.Handler {
	h := &handler{locator, chooser, streams}
	return httpd.Methods{http.MethodPut: h.put, http.MethodGet: h.get, http.MethodHead: h.head}
}

// nameOf returns the name in a request's path. One that makes no file name is refused here already,
// before a body is on its way.
func nameOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		_, err = names.File(name)
	}
	return name, err
}
