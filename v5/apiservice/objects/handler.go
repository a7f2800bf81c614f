// Package objects serves objects to clients: their names and versions are in the metadata, their
// content is on data services, as shards.
//
//	PUT      /objects/NAME               keeps the body as the newest version of NAME
//	GET/HEAD /objects/NAME[?version=N]   answers with the newest version, or version N
//	DELETE   /objects/NAME               adds a version that says that there is no object any more
package objects

import (
	"context"
	"io"
	"net/http"
	"runtime"

	"gostore/chapter5/apiservice/erasure"
	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/es"
	"gostore/common/httpd"
)

// Locator finds the data services that hold the shards of a content, as far as is known.
type Locator interface {
	Locate(ctx context.Context, name string) (places locate.Places, sure bool, err error)
	// Find is for content that exists: it may be out of date.
	Find(ctx context.Context, name string) (places locate.Places, err error)
}

// Spreader says where shards that nobody holds are to go.
type Spreader interface {
	Spread(places locate.Places) (locate.Places, error)
}

// Codec carries objects to and from data services as shards; see package erasure.
type Codec interface {
	Write(ctx context.Context, o rs.Object, body io.Reader, held, wanted locate.Places) error
	// Read returns a reader, which the caller closes.
	Read(ctx context.Context, o rs.Object, places locate.Places) *erasure.Reader
	// Right returns those shards in places that are right from end to end.
	Right(ctx context.Context, o rs.Object, places locate.Places) (right locate.Places, sure bool)
}

// Repairer makes objects whole again, by and by.
type Repairer interface {
	Look(reader *erasure.Reader)
}

// Versions knows the versions of every object. See common/es for what its errors are.
type Versions interface {
	Ready(ctx context.Context) error
	Latest(ctx context.Context, name string) (es.Metadata, error)
	// Expected is what Latest would likely return.
	Expected(name string) es.Metadata
	Version(ctx context.Context, name string, version int64) (es.Metadata, error)
	Add(ctx context.Context, m es.Metadata) (version int64, err error)
}

type handler struct {
	locator  Locator
	spreader Spreader
	codec    Codec
	repairer Repairer
	versions Versions

	expecting chan struct{} // holds one for each object that is expected, for no more than there are processors
}

// Handler answers for /objects/NAME.
func Handler(locator Locator, spreader Spreader, codec Codec, repairer Repairer, versions Versions) http.Handler {
	h := &handler{locator, spreader, codec, repairer, versions, make(chan struct{}, runtime.GOMAXPROCS(0))}
	return httpd.Methods{http.MethodPut: h.put, http.MethodGet: h.get, http.MethodDelete: h.delete}
}
