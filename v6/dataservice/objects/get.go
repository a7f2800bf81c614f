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
	from, err := offset(r, size)
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

// offset returns the byte of a file at which to begin.
func offset(r *http.Request, size int64) (int64, error) {
	from, err := strconv.ParseUint(r.URL.Query().Get("from"), 10, 63)
	if err != nil || int64(from) > size {
		return 0, httpd.Errorf(http.StatusBadRequest, "from=%.40q is not a number from 0 to %d", r.URL.Query().Get("from"), size)
	}
	return int64(from), nil
}
