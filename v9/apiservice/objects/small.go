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
	"gostore/chapter9/buffers"
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

// memory is for the bytes of small objects, so many that a process keeps within its bound. For an object for which
// there is no room the plain way is open, so nothing waits.
type memory struct {
	used    atomic.Int64
	objects *buffers.Pool
}

const (
	maxMemory = 24 << 20
	// perByte is how many bytes of memory a byte of a small object takes: its own, those of the shard
	// files, and those of a stripe.
	perByte = 3
)

// take returns memory for an object, and the func that gives it back. ok is false if there is none.
func (m *memory) take(size int64) (object []byte, giveBack func(), ok bool) {
	if m.used.Add(perByte*size) > maxMemory {
		m.used.Add(-perByte * size)
		return nil, nil, false
	}
	object = m.objects.Get(int(size))
	return object, func() { m.objects.Put(object); m.used.Add(-perByte * size) }, true
}

// putSmall is putPlain for a small object. The memory for it is given back when all is done, also by the plain way.
func (h *handler) putSmall(w http.ResponseWriter, r *http.Request, m es.Metadata, content hash.Hash) (version int64, err error) {
	homes, unknown := h.homes.Of(content.Hex())
	if m.Size > erasure.MaxSmall || unknown != nil {
		return h.putPlain(w, r, m, content)
	}
	object, giveBack, ok := h.memory.take(m.Size)
	if !ok {
		return h.putPlain(w, r, m, content)
	}
	defer giveBack()
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(r.Context()) }()
	if _, err := io.ReadFull(hash.NewReader(httpd.NewBody(w, r), content, m.Size), object); err != nil {
		return 0, err
	}
	if err := <-ready; err != nil { // nothing is stored
		return 0, err
	}
	until, err := h.storeSmall(r.Context(), rs.NewObject(m.Size, content), object, homes)
	if err != nil {
		r.Body = io.NopCloser(bytes.NewReader(object)) // it is read again
		return h.putPlain(w, r, m, content)
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
	object, giveBack, ok := h.memory.take(o.Size())
	if !ok {
		return errPlain
	}
	defer giveBack()
	if err := h.codec.ReadSmall(r.Context(), o, homes, object); err != nil {
		return errPlain
	}
	if p.partial {
		p.describe(w, o.Size())
	}
	return httpd.Send(w, bytes.NewReader(object[p.from:p.to]), p.to-p.from)
}
