package objects

import (
	"net/http"

	"gostore/chapter9/rs"
	"gostore/common/names"
)

// prefetch begins to read what a GET most likely asks for: the newest version that this service knows. So
// Elasticsearch, which is asked whether that is the newest of all, and data services answer at the same time.
// Nothing of it is sent before Elasticsearch has answered. A client that names an ETag may have the object already.
func (h *handler) prefetch(r *http.Request) *reading {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil || r.Method != http.MethodGet || r.URL.RawQuery != "" || r.Header.Get("If-None-Match") != "" {
		return nil
	}
	m, err := h.versions.Hint(name)
	if err != nil {
		return nil
	}
	content, err := m.Content()
	if err != nil { // a version that deletes the object
		return nil
	}
	return h.read(r.Context(), rs.NewObject(m.Size, content))
}
