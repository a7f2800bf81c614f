package objects

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"time"

	"gostore/common/files"
	"gostore/common/httpd"
)

// get does not look at what it sends: whoever decodes it checks every block, and says so if one is
// not right.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	name, err := shardOf(r)
	if err != nil {
		return err
	}
	f, size, err := h.store.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoShard()
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
	if size > files.Cached {
		return h.sendDirect(w, f, from, size)
	}
	return httpd.Send(w, f, size-from)
}

// patience is how long an API service may take to accept the next piece of a shard. It gives its client minutes for a
// piece of the object, of which a shard has a quarter, and ends this request if it gives it up: this is for one whose
// machine is gone.
const patience = 30 * time.Minute

// sendDirect sends a file of some size, from a byte on, that was written past the page cache. If it has fewer bytes
// by now it returns an error, and the API service sees the connection cut.
func (h *handler) sendDirect(w http.ResponseWriter, f *os.File, from, size int64) error {
	direct := h.store.ReadDirect(f, from)
	defer direct.Close()
	sent, err := direct.WriteTo(httpd.StreamWithin(w, patience))
	if err == nil && sent < size-from {
		return fmt.Errorf("send: %d of %d bytes left: %w", size-from-sent, size-from, io.ErrUnexpectedEOF)
	}
	return err
}

func errNoShard() error { return httpd.Errorf(http.StatusNotFound, "there is no such shard") }

// offset returns where in a file of some size to begin.
func offset(r *http.Request, size int64) (int64, error) {
	query := r.URL.Query()
	if !query.Has("from") {
		return 0, nil
	}
	from, err := strconv.ParseUint(query.Get("from"), 10, 63)
	if err != nil || int64(from) > size {
		return 0, httpd.Errorf(http.StatusBadRequest, "from=%.40q is no number from 0 to %d", query.Get("from"), size)
	}
	return int64(from), nil
}
