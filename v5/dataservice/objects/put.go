package objects

import (
	"errors"
	"net/http"

	"gostore/common/httpd"
)

// put keeps a shard without a second phase. What breaks off leaves nothing.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	name, err := shardOf(r)
	if err != nil {
		return err
	}
	t, err := h.store.Create()
	if err != nil {
		return err
	}
	if _, err := t.Append(httpd.NewBody(w, r)); err != nil {
		return errors.Join(err, t.Drop())
	}
	return h.store.Commit(t, name)
}
