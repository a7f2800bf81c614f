package objects

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"gostore/common/files"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// check costs the disk and no network. A file that cannot be read counts as corrupt.
func (h *handler) check(w http.ResponseWriter, r *http.Request) error {
	name, err := NameOf(r)
	if err != nil {
		return err
	}
	sum := sha256.New()
	encoding, err := h.store.Check(name, sum)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return notFound()
	case errors.Is(err, files.ErrGone):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", httpd.Errorf(http.StatusNotFound, "the content is corrupt or cannot be read"), err)
	}
	w.Header().Set("Encoding", encoding.Hex())
	hash.SetHeader(w.Header(), hash.Hash(sum.Sum(nil)))
	return nil
}

// quarantine is for an intact file that, as the API service found out, has blocks of other content.
func (h *handler) quarantine(_ http.ResponseWriter, r *http.Request) error {
	name, err := NameOf(r)
	if err != nil {
		return err
	}
	return h.store.Quarantine(name)
}

func notFound() error { return httpd.Errorf(http.StatusNotFound, "there is no such content") }
