package objects

import (
	"net/http"

	"gostore/common/es"
	"gostore/common/names"
)

// delete adds a version without content. The earlier ones stay and can be read by their number.
func (h *handler) delete(w http.ResponseWriter, r *http.Request) error {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if err := noVersion(r); err != nil {
		return err
	}
	newest, err := h.versions.Latest(r.Context(), name)
	if err == nil && newest.Hash == "" {
		err = es.ErrNotFound // deleted already
	}
	if err != nil {
		return err
	}
	if _, err := h.versions.Add(r.Context(), es.Metadata{Name: name}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
