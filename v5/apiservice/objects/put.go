package objects

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// put streams the body to data services, under the hash that the client announces and that the body
// turns out to have, and then adds a version to the metadata: a version that can be seen has its
// content. The other way round, content whose version could not be added is left for nobody; chapter
// 8 clears that away.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	m, content, err := announced(r)
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

// announced returns what a request says of its body before it comes.
func announced(r *http.Request) (m es.Metadata, content hash.Hash, err error) {
	if m.Name, err = names.FromPath(r.URL.EscapedPath()); err != nil {
		return m, content, err
	}
	if content, err = hash.FromHeader(r.Header); err != nil {
		return m, content, err
	}
	if r.ContentLength < 0 {
		return m, content, httpd.Errorf(http.StatusLengthRequired, "send a Content-Length: how long the body is must be known before it comes")
	}
	if r.ContentLength == 0 && content != hash.Of(nil) {
		return m, content, fmt.Errorf("%w: there is no body, and %s is not that of no bytes", hash.ErrMismatch, content)
	}
	m.Size, m.Hash = r.ContentLength, content.String()
	m.Meta, err = userMeta(r.Header)
	return m, content, err
}

// ask finds out whether the metadata can be written, and who has the content, at the same time.
func (h *handler) ask(ctx context.Context, content hash.Hash) (held locate.Places, err error) {
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(ctx) }()
	held, _, err = h.locator.Locate(ctx, content.Hex())
	return held, cmp.Or(<-ready, err)
}

// store looks whether the body has the hash that it should, always: who may have an object just by
// naming its hash could read what others keep. Where the content is there already, whole, that is all;
// equal content is stored once. Of content that lacks shards, or has rotten ones, it makes those. If what is
// there lies on so few data services that the object would with all its shards, as it may while equal content is put
// at the same time and some data services are quicker than others, each keeps one and the others go elsewhere.
func (h *handler) store(w http.ResponseWriter, r *http.Request, content hash.Hash, held locate.Places) error {
	o := rs.NewObject(r.ContentLength, content)
	body := hash.NewReader(httpd.NewBody(w, r), content, r.ContentLength)
	right, _ := h.codec.Right(r.Context(), o, held) // of one that does not answer, its shard counts
	if right.Known() == rs.Shards && right.Holders() >= rs.DataShards {
		_, err := io.Copy(io.Discard, body)
		return err
	}
	wanted, err := h.spreader.Spread(held)
	if err == nil && wanted.Holders() < rs.DataShards {
		right = locate.Places{}.Apart(right)
		wanted, err = h.spreader.Spread(right)
	}
	if err != nil {
		return err
	}
	err = h.codec.Write(r.Context(), o, body, right, wanted)
	if body.Err() != nil {
		return body.Err() // the client's fault: nothing of it was kept
	}
	return err
}
