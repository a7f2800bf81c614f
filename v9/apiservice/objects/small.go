package objects

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// Small objects are in memory as a whole, go to and come from where their shards are by default, without a
// locate, and take one request for each shard. Whatever is not as it should be goes the plain way, from the
// beginning: nothing of a small object was sent to the client before all of it was verified.

// errPlain is for an object that has to go the plain way.
var errPlain = errors.New("not a small object, or not at its home")

// memory is how many bytes small objects may take, so that a process keeps within its bound. For an object
// for which there is no room the plain way is open, so nothing waits.
type memory struct{ used atomic.Int64 }

const (
	maxMemory = 32 << 20
	// perByte is how many bytes of memory a byte of a small object takes: its own, those of the shard
	// files, and those of a stripe.
	perByte = 4
)

// take returns the func that gives the memory for an object back.
func (m *memory) take(size int64) (giveBack func(), ok bool) {
	giveBack = func() { m.used.Add(-perByte * size) }
	if m.used.Add(perByte*size) > maxMemory {
		giveBack()
		return nil, false
	}
	return giveBack, true
}

// putSmall is putPlain for a small object.
func (h *handler) putSmall(w http.ResponseWriter, r *http.Request, m es.Metadata, content hash.Hash) (version int64, err error) {
	homes, unknown := h.homes.Of(content.Hex())
	if m.Size > erasure.MaxSmall || unknown != nil {
		return 0, errPlain
	}
	giveBack, ok := h.memory.take(m.Size)
	if !ok {
		return 0, errPlain
	}
	defer giveBack()
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(r.Context()) }()
	object, body := make([]byte, m.Size), hash.NewReader(httpd.NewBody(w, r), content, m.Size)
	if _, err := io.ReadFull(body, object); err != nil {
		return 0, err
	}
	if err := <-ready; err != nil { // nothing is stored
		return 0, err
	}
	until, err := h.storeSmall(r.Context(), rs.NewObject(m.Size, content), object, homes)
	if err != nil {
		r.Body = io.NopCloser(bytes.NewReader(object)) // it is read again
		return 0, errPlain
	}
	return h.versions.AddClaimed(r.Context(), m, content, until)
}

// storeSmall stores an object at its homes, and elsewhere what those cannot take.
func (h *handler) storeSmall(ctx context.Context, o rs.Object, object []byte, homes placement.Places) (until time.Time, err error) {
	room, err := h.dataServices.WithRoom(o.MaxShardSize(), rs.DataShards)
	if err != nil {
		return until, err
	}
	order := placement.Order(hash.Hash(o.Hash()).Hex(), room)
	return h.codec.WriteSmall(ctx, o, object, homes.Spread(order), order)
}

// sendSmall is send for a small object. The memory for it is given back when the client has it.
func (h *handler) sendSmall(w http.ResponseWriter, r *http.Request, o rs.Object, p part) error {
	homes, unknown := h.homes.Of(hash.Hash(o.Hash()).Hex())
	if o.Size() > erasure.MaxSmall || unknown != nil {
		return errPlain
	}
	giveBack, ok := h.memory.take(o.Size())
	if !ok {
		return errPlain
	}
	defer giveBack()
	object, err := h.codec.ReadSmall(r.Context(), o, homes)
	if err != nil {
		return errPlain
	}
	if p.partial {
		p.describe(w, o.Size())
	}
	return httpd.Send(w, bytes.NewReader(object[p.from:p.to]), p.to-p.from)
}
