package objects

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
	"gostore/common/peer"
)

// get answers HEAD from the metadata alone.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	m, content, err := h.find(r)
	if err != nil {
		return err
	}
	describe(w, m, content)
	if r.Method == http.MethodHead {
		return nil
	}
	return h.send(w, r, m, content)
}

// send passes the content on from the data service that holds it.
func (h *handler) send(w http.ResponseWriter, r *http.Request, m es.Metadata, content hash.Hash) error {
	address, err := h.holder(r.Context(), content)
	if err != nil {
		return err
	}
	body, err := h.streams.Get(r.Context(), address, content.Hex(), peer.StallTimeout)
	if err != nil {
		return err
	}
	defer body.Close() // read to its end, or given up
	if body.Size != m.Size {
		return fmt.Errorf("%s holds %d bytes of %s, not %d", address, body.Size, m.Hash, m.Size)
	}
	return httpd.Send(w, body, m.Size)
}

// holder returns the data service that holds a content. The metadata says that there is one, so if
// none is found it is down.
func (h *handler) holder(ctx context.Context, content hash.Hash) (address string, err error) {
	address, _, err = h.locator.Find(ctx, content.Hex())
	if err == nil && address == "" {
		err = httpd.Unavailable("no data service that answers holds the content of this object: try again")
	}
	return address, err
}

// find returns the version that a request asks for, and its hash. A version that marks the object as
// deleted is not found.
func (h *handler) find(r *http.Request) (m es.Metadata, content hash.Hash, err error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return m, content, err
	}
	version, err := versionOf(r)
	if err != nil {
		return m, content, err
	}
	if version > 0 {
		m, err = h.versions.Version(r.Context(), name, version)
	} else {
		m, err = h.versions.Latest(r.Context(), name)
	}
	if err == nil && m.Hash == "" {
		err = es.ErrNotFound
	}
	if err != nil {
		return m, content, err
	}
	content, err = m.Content()
	return m, content, err
}

func describe(w http.ResponseWriter, m es.Metadata, content hash.Hash) {
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream") // unless m.Headers has another
	header.Set("Content-Length", strconv.FormatInt(m.Size, 10))
	header.Set("ETag", `"`+m.Hash+`"`)
	header.Set("X-Object-Version", strconv.FormatInt(m.Version, 10))
	hash.SetHeader(header, content)
	for name, value := range m.Headers {
		header.Set(name, value)
	}
	for key, value := range m.Meta {
		header.Set(metaPrefix+key, value)
	}
}
