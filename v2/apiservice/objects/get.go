package objects

import (
	"net/http"
	"strconv"

	"gostore/common/httpd"
	"gostore/common/peer"
)

func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	name, address, err := h.find(r)
	if err != nil {
		return err
	}
	body, err := h.streams.Get(r.Context(), address, name, peer.StallTimeout)
	if err != nil {
		return err
	}
	defer body.Close() // read to its end, or given up
	describe(w, body.Size)
	return httpd.Send(w, body, body.Size)
}

func (h *handler) head(w http.ResponseWriter, r *http.Request) error {
	name, address, err := h.find(r)
	if err != nil {
		return err
	}
	size, err := h.streams.Head(r.Context(), address, name)
	if err != nil {
		return err
	}
	describe(w, size)
	return nil
}

// find returns the name that a request is for and the data service that holds it.
func (h *handler) find(r *http.Request) (name, address string, err error) {
	name, err = nameOf(r)
	if err != nil {
		return "", "", err
	}
	address, sure, err := h.locator.Find(r.Context(), name)
	switch {
	case err != nil:
	case address == "" && !sure:
		err = httpd.Unavailable("no data service that answers holds this object, but not all of them answer: try again")
	case address == "":
		err = httpd.Errorf(http.StatusNotFound, "there is no such object")
	}
	return name, address, err
}

func describe(w http.ResponseWriter, size int64) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
}
