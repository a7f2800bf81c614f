package objects

import (
	"context"
	"net/http"

	"gostore/common/httpd"
)

// put streams the body to the data service that holds the name already, so that a later GET never
// finds an old body on another one, or else to any. Two first puts of a name at the same moment may
// still choose two, and a holder that is away cannot be asked: chapter 3 ends that by giving each
// body a version of its own.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	address, err := h.placeFor(r.Context(), name)
	if err != nil {
		return err
	}
	body := httpd.NewBody(w, r)
	err = h.streams.Put(r.Context(), address, name, body, r.ContentLength)
	if body.Err() != nil {
		return body.Err() // the client's fault, however it looked to the data service
	}
	return err
}

func (h *handler) placeFor(ctx context.Context, name string) (address string, err error) {
	address, _, err = h.locator.Find(ctx, name)
	if err != nil || address != "" {
		return address, err
	}
	return h.chooser.Choose()
}
