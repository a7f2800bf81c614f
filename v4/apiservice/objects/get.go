package objects

import (
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

// get answers HEAD from the metadata alone.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	m, err := h.find(r)
	if err != nil {
		return err
	}
	content, err := hash.Parse(m.Hash)
	if err != nil {
		return fmt.Errorf("metadata of %s: %w", m.Name, err)
	}
	if r.Method == http.MethodHead {
		describe(w, m, content)
		return nil
	}
	address, err := h.holder(r.Context(), content)
	if err != nil {
		return err
	}
	body, size, err := h.streams.Get(r.Context(), address, content.Hex())
	if err != nil {
		return err
	}
	defer body.Close() // read to its end, or given up
	if size != m.Size {
		_, _ = io.Copy(io.Discard, body) // at its end the data service sees that it has rotted, and sets it aside
		return httpd.Unavailable("the content on %s is not what it should be: try again", address)
	}
	describe(w, m, content)
	return httpd.Send(w, body, size)
}

// find returns the version that a request asks for. It is no version that deletes the object.
func (h *handler) find(r *http.Request) (m es.Metadata, err error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return m, err
	}
	if query := r.URL.Query(); query.Has("version") {
		m, err = h.version(r.Context(), name, query.Get("version"))
	} else {
		m, err = h.versions.Latest(r.Context(), name)
	}
	if err == nil && m.Hash == "" {
		err = es.ErrNotFound
	}
	return m, err
}

func (h *handler) version(ctx context.Context, name, number string) (es.Metadata, error) {
	version, err := strconv.ParseUint(number, 10, 63)
	if err != nil || version == 0 {
		return es.Metadata{}, httpd.Errorf(http.StatusBadRequest, "version %.40q is no number from 1 to 2^63-1", number)
	}
	return h.versions.Version(ctx, name, int64(version))
}

// holder returns the data service that holds a content. That there is one, the metadata says; so if
// there is none, it is away.
func (h *handler) holder(ctx context.Context, content hash.Hash) (address string, err error) {
	address, _, err = h.locator.Find(ctx, content.Hex())
	if err == nil && address == "" {
		err = httpd.Unavailable("no data service that answers has the content of this object: try again")
	}
	return address, err
}

func describe(w http.ResponseWriter, m es.Metadata, content hash.Hash) {
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", strconv.FormatInt(m.Size, 10))
	header.Set("ETag", `"`+m.Hash+`"`)
	header.Set("X-Object-Version", strconv.FormatInt(m.Version, 10))
	hash.SetHeader(header, content)
	for key, value := range m.Meta {
		header.Set(metaPrefix+key, value)
	}
}
