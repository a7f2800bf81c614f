package objects

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"

	"gostore/common/hash"
	"gostore/common/httpd"
)

func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	want, err := hashOf(r)
	if err != nil {
		return err
	}
	f, size, err := h.store.Open(want.Hex())
	if errors.Is(err, fs.ErrNotExist) {
		return httpd.Errorf(http.StatusNotFound, "there is no such object")
	}
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	content := hash.NewReader(f, want, size)
	err = httpd.Send(w, content, size)
	if err == nil {
		_, err = io.Copy(io.Discard, content) // nothing was asked of an empty one so far
	}
	if errors.Is(err, hash.ErrMismatch) {
		return h.setAside(want, f, err)
	}
	return err
}

// setAside is for a file that has rotted. Whoever was being sent it does not get its end; nobody
// else is sent to it, and who has the content puts it again.
func (h *handler) setAside(want hash.Hash, f *os.File, why error) error {
	if err := h.store.SetAside(want.Hex(), f); err != nil {
		return fmt.Errorf("set aside what has rotted: %w: %w", err, why)
	}
	return fmt.Errorf("%w: %w", httpd.Unavailable("the content has rotted and was set aside"), why)
}
