package objects

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"strconv"

	"gostore/common/httpd"
)

// get sends the file unverified: the API service verifies what comes of it.
func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	name, err := NameOf(r)
	if err != nil {
		return err
	}
	f, _, err := h.store.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return notFound()
	}
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	return Send(w, r, f)
}

// Send answers with the bytes of a file from one position to another; the header Size tells the size of
// the whole file.
func Send(w http.ResponseWriter, r *http.Request, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from, to, err := section(r, info.Size())
	if err != nil {
		return err
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(to-from, 10))
	w.Header().Set("Size", strconv.FormatInt(info.Size(), 10))
	return httpd.SendWithin(w, f, to-from, peerTimeout)
}

// section returns the positions in a file that a request asks for, at most its end. A negative from is
// counted from the end.
func section(r *http.Request, size int64) (from, to int64, err error) {
	if to, err = httpd.Number(r, "to", 0, math.MaxInt64); err != nil {
		return 0, 0, err
	}
	to = min(to, size)
	from, err = httpd.Number(r, "from", math.MinInt64, to)
	if from < 0 {
		from = min(max(size+from, 0), to)
	}
	return from, to, err
}
