package files

import (
	"errors"
	"io"
	"os"
)

// Direct reads a long file past the page cache, which the file's end never was in. Like every reader it is for one
// goroutine at a time.
type Direct struct {
	dir    *Dir
	mode   mode
	at     int64 // offset of the next piece, aligned
	skip   int64 // bytes of it that are not wanted
	buffer *[]byte
	rest   []byte // what is in buffer and was not taken yet
	err    error  // what comes after that
}

// ReadDirect reads f from an offset to its end. The caller ends it with Close, and closes f.
func (d *Dir) ReadDirect(f *os.File, from int64) *Direct {
	skip := from % alignment
	return &Direct{dir: d, mode: mode{file: f}, at: from - skip, skip: skip, buffer: d.pieces.Get().(*[]byte)}
}

// Close is called once. Nothing may be read after it.
func (r *Direct) Close() { r.dir.pieces.Put(r.buffer) }

// Read implements io.Reader.
func (r *Direct) Read(into []byte) (int, error) {
	if err := r.need(); err != nil {
		return 0, err
	}
	n := copy(into, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. Each piece of at most 256 KiB is one Write.
func (r *Direct) WriteTo(w io.Writer) (sum int64, err error) {
	for {
		err := r.need()
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		n, err := w.Write(r.rest)
		sum += int64(n)
		if err != nil {
			return sum, err
		}
		r.rest = nil
	}
}

// need sees to it that there is something in rest, or returns why there is not.
func (r *Direct) need() error {
	for len(r.rest) == 0 {
		if r.err != nil {
			return r.err
		}
		n, err := r.mode.do(true, func() (int, error) { return r.mode.file.ReadAt(*r.buffer, r.at) })
		r.rest, r.err = (*r.buffer)[min(r.skip, int64(n)):n], err
		r.at, r.skip = r.at+pieceSize, 0
	}
	return nil
}
