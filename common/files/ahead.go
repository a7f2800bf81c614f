package files

import (
	"errors"
	"io"
	"os"
)

// Ahead reads a large file past the page cache, a piece ahead of whoever takes them. Like every reader it is
// for one goroutine at a time.
type Ahead struct {
	dir    *Dir
	pieces chan piece
	closed chan struct{}

	buffer *[]byte // of the piece at hand, nil if there is none
	rest   []byte  // what was not taken of it yet
	err    error   // what came with it
}

// piece is some bytes of a file, and the error that ended it, io.EOF for one.
type piece struct {
	buffer *[]byte
	bytes  []byte
	err    error
}

// ReadAhead reads f from an offset to its end. The caller ends it with Close, and closes f after that.
func (d *Dir) ReadAhead(f *os.File, from int64) *Ahead {
	a := &Ahead{dir: d, pieces: make(chan piece), closed: make(chan struct{})}
	go a.readAll(f, from)
	return a
}

// Close waits until the file is not read any more.
func (a *Ahead) Close() {
	close(a.closed)
	for p := range a.pieces {
		a.dir.pieces.Put(p.buffer)
	}
	a.giveBack()
}

// readAll sends the file piece by piece until an error, or until nobody wants it any more.
func (a *Ahead) readAll(f *os.File, from int64) {
	defer close(a.pieces)
	m := mode{file: f}
	skip := from % alignment
	for at := from - skip; ; at += pieceSize {
		p := a.read(&m, at)
		p.bytes = p.bytes[min(skip, int64(len(p.bytes))):]
		skip = 0
		select {
		case a.pieces <- p:
		case <-a.closed:
			a.dir.pieces.Put(p.buffer)
			return
		}
		if p.err != nil {
			return
		}
	}
}

// read returns fewer than pieceSize bytes only with an error.
func (a *Ahead) read(m *mode, at int64) piece {
	buffer := a.dir.pieces.Get().(*[]byte)
	n, err := m.do(true, func() (int, error) { return m.file.ReadAt(*buffer, at) })
	return piece{buffer, (*buffer)[:n], err}
}

// Read implements io.Reader.
func (a *Ahead) Read(p []byte) (int, error) {
	if err := a.need(); err != nil {
		return 0, err
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: each piece is one Write.
func (a *Ahead) WriteTo(w io.Writer) (sum int64, err error) {
	for {
		if err := a.need(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return sum, err
		}
		n, err := w.Write(a.rest)
		sum += int64(n)
		if err != nil {
			return sum, err
		}
		a.rest = nil
	}
}

// need sees to it that there is something in rest, or returns why there is not.
func (a *Ahead) need() error {
	for len(a.rest) == 0 {
		if a.err != nil {
			return a.err
		}
		a.giveBack()
		p := <-a.pieces
		a.buffer, a.rest, a.err = p.buffer, p.bytes, p.err
	}
	return nil
}

func (a *Ahead) giveBack() {
	if a.buffer != nil {
		a.dir.pieces.Put(a.buffer)
		a.buffer = nil
	}
}
