package objects

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// put streams the body to a data service, under the hash that the client announces and that the body
// turns out to have, and then adds a version to the metadata: a version that can be seen has its
// content. The other way round, content whose version could not be added is left for nobody; chapter
// 8 clears that away.
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
func (h *handler) ask(ctx context.Context, content hash.Hash) (address string, err error) {
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(ctx) }()
	address, _, err = h.locator.Locate(ctx, content.Hex())
	return address, cmp.Or(<-ready, err)
}

// store looks whether the body has the hash that it should, always: who may have an object just by
// naming its hash could read what others keep. Where the content is there already that is all;
// equal content is stored once.
func (h *handler) store(w http.ResponseWriter, r *http.Request, content hash.Hash, address string) error {
	body := hash.NewReader(httpd.NewBody(w, r), content, r.ContentLength)
	if address != "" {
		_, err := io.Copy(io.Discard, body)
		return err
	}
	return h.upload(r.Context(), content, body, r.ContentLength)
}

// upload keeps the body on one of the data services, or nothing of it. The last bytes of a body that
// has not the hash never come out of it, so that there is nothing to commit.
func (h *handler) upload(ctx context.Context, content hash.Hash, body *hash.Reader, size int64) error {
	address, err := h.chooser.Choose()
	if err != nil {
		return err
	}
	upload, err := h.streams.Begin(ctx, address, content.Hex(), size)
	if err != nil {
		return err
	}
	if err := upload.Send(ctx, body); err != nil {
		upload.Drop(ctx)
		if body.Err() != nil {
			return body.Err() // the client's fault, however it looked to the data service
		}
		return err
	}
	return upload.Commit(ctx)
}
