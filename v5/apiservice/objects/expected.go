package objects

import (
	"context"
	"net/http"
	"sync"
	"time"

	"gostore/chapter5/apiservice/erasure"
	"gostore/chapter5/rs"
	"gostore/common/hash"
	"gostore/common/names"
)

// longestExpected is how long what was begun is good for. It is less than a data service waits until somebody reads on.
const longestExpected = 5 * time.Second

// expected is an object that a client most likely wants: the version that was the newest when this service last knew.
// Its shards are on their way while Elasticsearch is asked whether it still is, so that a small object takes the
// time of one question instead of two. Nothing of it is sent before the answer. There are as many at the same time as
// there are processors: with more clients it is work that takes the time, and what comes early only waits in memory.
type expected struct {
	object rs.Object
	since  time.Time
	begun  chan *erasure.Reader // closed after the reader, or without one
	stop   context.CancelFunc
	leave  func() // makes room for another one
}

// expect begins to read what a request most likely asks for; it returns nil where nothing is known. The caller calls
// end, whatever it returns.
func (h *handler) expect(r *http.Request) *expected {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil || r.Method != http.MethodGet || r.URL.Query().Has("version") {
		return nil
	}
	m := h.versions.Expected(name)
	content, err := hash.Parse(m.Hash)
	if err != nil { // nothing is known, or a version that deletes the object
		return nil
	}
	select {
	case h.expecting <- struct{}{}:
		return h.begin(r.Context(), rs.NewObject(m.Size, content))
	default:
		return nil
	}
}

func (h *handler) begin(ctx context.Context, o rs.Object) *expected {
	ctx, stop := context.WithCancel(ctx)
	e := &expected{o, time.Now(), make(chan *erasure.Reader, 1), stop, sync.OnceFunc(func() { <-h.expecting })}
	go func() {
		defer close(e.begun)
		reader, err := h.open(ctx, o)
		if err != nil {
			return // who wants it after all opens it again, and is told why not
		}
		reader.Begin()
		e.begun <- reader
	}()
	return e
}

// reader returns a reader, which the caller closes before begun ends: the one that is begun, if o is what was expected.
func (h *handler) reader(ctx context.Context, o rs.Object, begun *expected) (*erasure.Reader, error) {
	if reader := begun.take(o); reader != nil {
		return reader, nil
	}
	return h.open(ctx, o)
}

func (h *handler) open(ctx context.Context, o rs.Object) (*erasure.Reader, error) {
	places, err := h.locator.Find(ctx, hash.Hash(o.Hash()).Hex())
	if err != nil {
		return nil, err
	}
	return h.codec.Read(ctx, o, places), nil
}

// take returns nil if there is no reader of o, or only an old one.
func (e *expected) take(o rs.Object) *erasure.Reader {
	if e == nil || e.object != o || time.Since(e.since) > longestExpected {
		return nil
	}
	defer e.leave()
	return <-e.begun
}

// end waits until what was not taken is closed.
func (e *expected) end() {
	if e == nil {
		return
	}
	e.stop()
	if reader := <-e.begun; reader != nil {
		reader.Close()
	}
	e.leave()
}
