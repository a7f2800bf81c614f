package objects

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"

	"gostore/common/httpd"
)

// worthSendfile is how many bytes sendfile saves something for: with it header and body are packets of their own.
const worthSendfile = 32 << 10

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
	if to-from < worthSendfile {
		return httpd.SendWithin(w, f, to-from, peerTimeout)
	}
	return httpd.SendFile(w, f, to-from, peerTimeout)
}

// section returns the positions in a file that a request asks for, at most its end. A negative from is
// counted from the end.
func section(r *http.Request, size int64) (from, to int64, err error) {
	query := r.URL.Query()
	from, err1 := strconv.ParseInt(query.Get("from"), 10, 64)
	end, err2 := strconv.ParseUint(query.Get("to"), 10, 63)
	if from < 0 {
		from = max(size+from, 0)
	}
	to = min(int64(end), size)
	if err1 != nil || err2 != nil || from > to {
		return 0, 0, httpd.Errorf(http.StatusBadRequest, "from=%.40q and to=%.40q are not positions in %d bytes",
			query.Get("from"), query.Get("to"), size)
	}
	return from, to, nil
}
