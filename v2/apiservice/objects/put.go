package objects

import (
	"context"
	"net/http"

	"gostore/common/httpd"
)

// put streams the body to the data service that holds the name already, so that a later GET never
// finds an old body on another one, or else to a random one that takes it. Two first PUTs of a name
// at the same moment may still choose two, and a holder that is down cannot be asked: chapter 3
// solves both by giving each body a version of its own.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	if err := httpd.NoPartialPut(r); err != nil {
		return err
	}
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	targets, err := h.targets(r.Context(), name, r.ContentLength)
	if err != nil {
		return err
	}
	body := httpd.NewBody(w, r)
	err = h.streams.Put(r.Context(), targets, name, body, r.ContentLength)
	if body.Err() != nil {
		return body.Err() // the client's fault, however it looked to the data service
	}
	return err
}

func (h *handler) targets(ctx context.Context, name string, size int64) ([]string, error) {
	holder, _, err := h.locator.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	if holder != "" {
		return []string{holder}, nil
	}
	return h.dataServices.Choose(size)
}
