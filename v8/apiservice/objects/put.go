package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gostore/chapter8/apiservice/erasure"
	"gostore/chapter8/apiservice/placement"
	"gostore/chapter8/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// put streams the body on, under the hash that the client announces and that the body
// turns out to have, and then adds a version to the metadata, so a version that can be seen has its
// content. Content whose version could not be added stays without a name until maintenance removes it.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	m, content, err := Announced(r)
	if err != nil {
		return err
	}
	held, err := h.ask(r.Context(), content)
	if err != nil {
		return err
	}
	if err := h.store(w, r, content, held); err != nil {
		return err
	}
	version, err := h.versions.Add(r.Context(), m)
	if err != nil {
		return err
	}
	w.Header().Set("X-Object-Version", strconv.FormatInt(version, 10))
	return nil
}

// Announced returns what a request says of its body before it comes.
func Announced(r *http.Request) (m es.Metadata, content hash.Hash, err error) {
	if m.Name, err = names.FromPath(r.URL.EscapedPath()); err != nil {
		return m, content, err
	}
	if err := cmp.Or(noVersion(r), httpd.NoPartialPut(r)); err != nil {
		return m, content, err
	}
	if content, err = hash.FromHeader(r.Header); err != nil {
		return m, content, err
	}
	if r.ContentLength < 0 {
		return m, content, httpd.Errorf(http.StatusLengthRequired, "send a Content-Length: the length of the body must be known before it comes")
	}
	if (r.ContentLength == 0) != (content == hash.Of(nil)) {
		return m, content, fmt.Errorf("%w: no body of %d bytes has %s", hash.ErrMismatch, r.ContentLength, content)
	}
	m.Size, m.Hash = r.ContentLength, content.String()
	if m.Headers, err = describing(r.Header); err != nil {
		return m, content, err
	}
	m.Meta, err = userMeta(r.Header)
	return m, content, err
}

// ask finds out concurrently whether the metadata can be written and who holds the
// content.
func (h *handler) ask(ctx context.Context, content hash.Hash) (held placement.Places, err error) {
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(ctx) }()
	held, _, err = h.locator.Locate(ctx, content.Hex())
	return held, cmp.Or(<-ready, err)
}

// store always verifies that the body has the announced hash: a client that could get an object by
// naming its hash could read what others store. Equal content is stored once: shards that are there already
// and intact are compared with those of the body, and only the others are written. If too few are intact to
// read the object, all are written, since they might be of another encoding. A shard of a data service that
// does not answer does not count. Of two shards on one data service one is written again elsewhere, if there
// are data services enough.
func (h *handler) store(w http.ResponseWriter, r *http.Request, content hash.Hash, held placement.Places) error {
	o := rs.NewObject(r.ContentLength, content)
	body := hash.NewReader(httpd.NewBody(w, r), content, r.ContentLength)
	room, err := h.dataServices.WithRoom(o.MaxShardSize(), rs.DataShards)
	if err != nil {
		return err
	}
	intact, unknown := h.codec.Check(r.Context(), o, held)
	order, to := placement.Order(content.Hex(), room), placement.Places{}
	if intact.Known() < rs.Shards || intact.Holders() < rs.DataShards {
		damaged, all := held.Without(intact.Places).Without(unknown), intact.Places
		intact.Places = placement.Places{}.Apart(all)
		if all.Known() < rs.DataShards {
			intact = erasure.Held{}
		}
		to = intact.Apart(all).Apart(damaged).Spread(order).Without(intact.Places)
	}
	err = h.codec.Write(r.Context(), o, h.codec.Encoded(o, body, intact.Encoding), intact, to, order, erasure.WriteQuorum)
	if errors.Is(err, erasure.ErrOtherEncoding) {
		err = h.complete(r.Context(), o, intact, to, order)
	}
	if body.Err() != nil {
		return body.Err() // the client's fault: nothing of it was stored
	}
	return err
}

// complete writes shards with the blocks of those that are there.
func (h *handler) complete(ctx context.Context, o rs.Object, kept erasure.Held, to placement.Places, order []string) error {
	reader := h.codec.Open(ctx, o, kept.Places)
	defer reader.Close()
	defer h.repairer.Inspect(reader)
	return unreadable(h.codec.Write(ctx, o, reader.Stripe, kept, to, order, erasure.WriteQuorum))
}
