package objects

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"gostore/chapter4/apiservice/objectstream"
	"gostore/chapter4/apiservice/placement"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
	"gostore/common/peer"
)

// put streams the body on, under the hash that the client announces and that the body
// turns out to have, and then adds a version to the metadata, so a version that can be seen has its
// content. Content whose version could not be added stays without a name until chapter 8 collects it.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	m, content, err := announced(r)
	if err != nil {
		return err
	}
	address, err := h.ask(r.Context(), content)
	if err != nil {
		return err
	}
	if err := h.store(w, r, content, address); err != nil {
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
func (h *handler) ask(ctx context.Context, content hash.Hash) (address string, err error) {
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(ctx) }()
	address, _, err = h.locator.Locate(ctx, content.Hex())
	return address, cmp.Or(<-ready, err)
}

// store always verifies that the body has the announced hash: a client that could get an object by
// naming its hash could read what others store. Equal content is stored once: where it is there
// already, and intact, the body is only verified.
func (h *handler) store(w http.ResponseWriter, r *http.Request, content hash.Hash, address string) error {
	body := hash.NewReader(httpd.NewBody(w, r), content, r.ContentLength)
	if address != "" && h.streams.Check(r.Context(), address, content.Hex(), r.ContentLength) == nil {
		_, err := io.Copy(io.Discard, body)
		return err
	}
	upload, err := h.begin(r.Context(), content, r.ContentLength)
	if err != nil {
		return err
	}
	return send(r.Context(), upload, body)
}

// begin begins an upload to the first data service, in the order of placement, that takes it.
func (h *handler) begin(ctx context.Context, content hash.Hash, size int64) (*objectstream.Upload, error) {
	room, err := h.dataServices.WithRoom(size, 1)
	if err != nil {
		return nil, err
	}
	var refusals []error
	for _, address := range placement.Order(content.Hex(), room) {
		upload, err := h.streams.Begin(ctx, address, content.Hex(), size)
		if err == nil {
			return upload, nil
		}
		refusals = append(refusals, err)
	}
	return nil, peer.Refusal(refusals)
}

// send stores the whole body, or nothing of it. The last bytes of a body with another hash never come
// out of it, so the upload stays incomplete and is dropped.
func send(ctx context.Context, upload *objectstream.Upload, body *hash.Reader) error {
	if err := upload.Send(ctx, body); err != nil {
		upload.Drop(ctx)
		if body.Err() != nil {
			return body.Err() // the client's fault, however it looked to the data service
		}
		return err
	}
	return upload.Commit(ctx)
}
