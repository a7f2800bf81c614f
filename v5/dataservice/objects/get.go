package objects

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"

	"gostore/common/httpd"
)

// get sends the file unverified: the API service verifies what comes of it.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	f, size, err := h.store.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return notFound()
	}
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	from, err := httpd.Number(r, "from", 0, size)
	if err != nil {
		return err
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size-from, 10))
	return httpd.SendWithin(w, f, size-from, peerTimeout)
}
