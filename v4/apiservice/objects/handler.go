// Package objects serves objects to clients: their names and versions are in the metadata, their
// content is on data services under its hash.
//
//	PUT      /objects/NAME               keeps the body as the newest version of NAME
//	GET/HEAD /objects/NAME[?version=N]   answers with the newest version, or version N
//	DELETE   /objects/NAME               adds a version that says that there is no object any more
package objects

import (
	"context"
	"io"
	"net/http"

	"gostore/chapter4/apiservice/objectstream"
	"gostore/common/es"
	"gostore/common/httpd"
)

// Locator finds the data service that holds an object; "" if there is none, as far as is known, and
// sure if that is certain. Find waits longer for that.
type Locator interface {
	Locate(ctx context.Context, name string) (address string, sure bool, err error)
	Find(ctx context.Context, name string) (address string, sure bool, err error)
}

// Chooser picks a data service for a new object.
type Chooser interface {
	Choose() (address string, err error)
}

// Streamer carries content to and from data services, under its hash in hexadecimal. Sizes are in
// bytes.
type Streamer interface {
	// Begin begins an upload, which the caller commits or drops.
	Begin(ctx context.Context, address, name string, size int64) (*objectstream.Upload, error)
	// Get returns the body, which the caller closes.
	Get(ctx context.Context, address, name string) (body io.ReadCloser, size int64, err error)
}

// Versions knows the versions of every object. See common/es for what its errors are.
type Versions interface {
	Ready(ctx context.Context) error
	Latest(ctx context.Context, name string) (es.Metadata, error)
	Version(ctx context.Context, name string, version int64) (es.Metadata, error)
	Add(ctx context.Context, m es.Metadata) (version int64, err error)
}

type handler struct {
	locator  Locator
	chooser  Chooser
	streams  Streamer
	versions Versions
}

// Handler answers for /objects/NAME.
func Handler(locator Locator, chooser Chooser, streams Streamer, versions Versions) http.Handler {
	h := &handler{locator, chooser, streams, versions}
	return httpd.Methods{http.MethodPut: h.put, http.MethodGet: h.get, http.MethodDelete: h.delete}
}
