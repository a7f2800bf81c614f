package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gostore/chapter5/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// get answers HEAD from the metadata alone.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	begun := h.expect(r)
	defer begun.end()
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
	return h.send(w, r, m, content, begun)
}

// send decodes as it goes. The last bytes of an object that has not its hash are not sent. What was
// found wrong on the way, or what is wrong with shards that were not needed, is put right later. That there
// are shards, the metadata says; so if there are too few, they are away.
func (h *handler) send(w http.ResponseWriter, r *http.Request, m es.Metadata, content hash.Hash, begun *expected) error {
	o := rs.NewObject(m.Size, content)
	reader, err := h.reader(r.Context(), o, begun)
	if err != nil {
		return err
	}
	defer reader.Close()
	defer h.repairer.Look(reader)
	describe(w, m, content)
	_, err = reader.WriteTo(httpd.Stream(w))
	if errors.Is(err, rs.ErrTooFewShards) || errors.Is(err, hash.ErrMismatch) {
		err = fmt.Errorf("%w: %w", httpd.Unavailable("fewer shards of this object can be read than are needed: try again"), err)
	}
	return err
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
