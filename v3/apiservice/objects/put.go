package objects

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// put streams the body to a data service, under the hash that the client announces, and then adds a
// version to the metadata, so a version that can be seen has its content. Content whose version could
// not be added stays without a name until chapter 8 collects it. That the body has that hash is not
// verified before chapter 4.
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

// ask finds out concurrently whether the metadata can be written and which data service holds the
// content.
func (h *handler) ask(ctx context.Context, content hash.Hash) (address string, err error) {
	ready := make(chan error, 1)
	go func() { ready <- h.versions.Ready(ctx) }()
	address, _, err = h.locator.Locate(ctx, content.Hex())
	return address, cmp.Or(<-ready, err)
}

// store has the body stored at address, or, if that is "", by a random data service that takes it.
func (h *handler) store(w http.ResponseWriter, r *http.Request, content hash.Hash, address string) (err error) {
	targets := []string{address}
	if address == "" {
		if targets, err = h.dataServices.Choose(r.ContentLength); err != nil {
			return err
		}
	}
	body := httpd.NewBody(w, r)
	err = h.streams.Put(r.Context(), targets, content.Hex(), body, r.ContentLength)
	if body.Err() != nil {
		return body.Err() // the client's fault, however it looked to the data service
	}
	return err
}
