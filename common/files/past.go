package files

import (
	"errors"
	"io"
	"os"
)

// Past reads a long file past the page cache, which the file's end never was in. Like every reader it is for one
// goroutine at a time.
type Past struct {
	dir    *Dir
	mode   mode
	at     int64 // offset of the next piece, aligned
	skip   int64 // bytes of it that are not wanted
	buffer *[]byte
	rest   []byte // what is in buffer and was not taken yet
	err    error  // what comes after that
}

// ReadPast reads f from an offset to its end. The caller ends it with Close, and closes f.
func (d *Dir) ReadPast(f *os.File, from int64) *Past {
	skip := from % alignment
	return &Past{dir: d, mode: mode{file: f}, at: from - skip, skip: skip, buffer: d.pieces.Get().(*[]byte)}
}

// Close is called once. Nothing may be read after it.
func (p *Past) Close() { p.dir.pieces.Put(p.buffer) }

// Read implements io.Reader.
func (p *Past) Read(into []byte) (int, error) {
	if err := p.need(); err != nil {
		return 0, err
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. Each piece of at most 256 KiB is one Write.
func (p *Past) WriteTo(w io.Writer) (sum int64, err error) {
	for {
		err := p.need()
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		n, err := w.Write(p.rest)
		sum += int64(n)
		if err != nil {
			return sum, err
		}
		p.rest = nil
	}
}

// need sees to it that there is something in rest, or returns why there is not.
func (p *Past) need() error {
	for len(p.rest) == 0 {
		if p.err != nil {
			return p.err
		}
		n, err := p.mode.do(true, func() (int, error) { return p.mode.file.ReadAt(*p.buffer, p.at) })
		p.rest, p.err = (*p.buffer)[min(p.skip, int64(n)):n], err
		p.at, p.skip = p.at+pieceSize, 0
	}
	return nil
}
