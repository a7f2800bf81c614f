package objects

import (
	"errors"
	"io"
	"net/http"

	"gostore/chapter9/dataservice/store"
	"gostore/common/httpd"
)

// maxWhole is more bytes than a shard of an object of 1 MiB has. Larger ones come in streams: see package temp.
const maxWhole = 264 << 10

// put takes a whole shard with one request. It is in memory until it is verified.
func (h *handler) put(w http.ResponseWriter, r *http.Request) error {
	name, err := NameOf(r)
	if err != nil {
		return err
	}
	if r.ContentLength < 0 || r.ContentLength > maxWhole {
		return httpd.Errorf(http.StatusBadRequest, "a shard of %d bytes is not taken with one request: at most %d", r.ContentLength, maxWhole)
	}
	file := h.whole.Get(int(r.ContentLength))
	defer h.whole.Put(file)
	if _, err := io.ReadFull(httpd.NewBody(w, r), file); err != nil {
		return err
	}
	age, err := h.store.Keep(name, file)
	if errors.Is(err, store.ErrOtherEncoding) {
		return httpd.Errorf(http.StatusConflict, "%v", err)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, age.String())
	return err
}
