package objects

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// get answers HEAD from the metadata alone, and a request with conditions or a range as RFC 9110 has it.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	m, content, err := h.find(r)
	if err != nil {
		return err
	}
	describe(w, m, content)
	if unchanged, err := precondition(r.Header, etag(m)); err != nil || unchanged {
		return sendUnchanged(w, err)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	p, err := partOf(r.Header, etag(m), m.Size)
	if err != nil {
		return err
	}
	o := rs.NewObject(m.Size, content)
	if err := h.sendSmall(w, r, o, p); !errors.Is(err, errPlain) {
		return err
	}
	return h.send(w, r, o, p)
}

// send decodes the content while it sends it. The metadata says that there is content, so if there are
// too few shards they are on data services that are down. If the shards of an object of one stripe give
// another hash, no byte was sent, and it sends what other shards give.
func (h *handler) send(w http.ResponseWriter, r *http.Request, o rs.Object, p part) error {
	held, err := h.locator.Find(r.Context(), hash.Hash(o.Hash()).Hex())
	if err != nil {
		return err
	}
	err = h.sendFrom(w, r, o, p, held)
	if errors.Is(err, hash.ErrMismatch) && o.Stripes() == 1 {
		err = h.sendFrom(w, r, o, p, h.codec.Genuine(r.Context(), o, held))
	}
	return unreadable(err)
}

// unreadable turns an error of a reader into an answer for the client.
func unreadable(err error) error {
	if errors.Is(err, rs.ErrTooFewShards) || errors.Is(err, hash.ErrMismatch) {
		err = fmt.Errorf("%w: %w", httpd.Unavailable("fewer shards of this object can be read than are needed: try again"), err)
	}
	return err
}

// sendFrom has the damage that it finds repaired in the background. It reads the first stripe of a part
// before it says so, since an error has another status.
func (h *handler) sendFrom(w http.ResponseWriter, r *http.Request, o rs.Object, p part, held placement.Places) error {
	reader := h.codec.OpenRange(r.Context(), o, held, p.from, p.to)
	defer reader.Close()
	defer h.repairer.Inspect(reader)
	if p.partial {
		if _, err := reader.Read(nil); err != nil {
			return err
		}
		p.describe(w, o.Size())
	}
	_, err := reader.WriteTo(httpd.Stream(w))
	return err
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

// etag names the content: two versions with the same bytes have the same.
func etag(m es.Metadata) string { return `"` + m.Hash + `"` }

func describe(w http.ResponseWriter, m es.Metadata, content hash.Hash) {
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream") // unless m.Headers has another
	header.Set("Content-Length", strconv.FormatInt(m.Size, 10))
	header.Set("Accept-Ranges", "bytes")
	header.Set("ETag", etag(m))
	header.Set("X-Object-Version", strconv.FormatInt(m.Version, 10))
	hash.SetHeader(header, content)
	for name, value := range m.Headers {
		header.Set(name, value)
	}
	for key, value := range m.Meta {
		header.Set(MetaPrefix+key, value)
	}
}
