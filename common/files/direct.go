package files

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// Cached is how many bytes at the beginning of a file go through the page cache when it is written, so that short
// files are read from memory. What comes after them goes straight to the disk (O_DIRECT, see open(2)): the kernel
// neither copies it nor looks for memory for it, which is dear on a virtual machine whose host has taken back what
// was not used, and pushes nothing out of the page cache that is read more often. MinIO and Ceph write so too.
const Cached = 1 << 20

const (
	pieceSize = 256 << 10 // of one transfer to or from the disk, in bytes
	alignment = 4096      // of addresses, offsets and lengths for O_DIRECT, in bytes; disks ask for 512 or this
)

// newPiece returns a *[]byte of pieceSize bytes whose address is aligned.
func newPiece() any {
	b := make([]byte, pieceSize+alignment)
	beyond := int(uintptr(unsafe.Pointer(&b[0])) % alignment)
	piece := b[alignment-beyond:][:pieceSize]
	return &piece
}

// mode switches a file between the page cache and O_DIRECT. Where the system or the file system has no
// O_DIRECT all goes through the page cache.
type mode struct {
	direct  bool
	refused bool
}

// do makes one transfer, f.ReadAt or f.WriteAt: direct, if it is that of a whole piece from an aligned offset on.
func (m *mode) do(f *os.File, transfer func(p []byte, at int64) (int, error), p []byte, at int64) (int, error) {
	m.set(f, len(p) == pieceSize && at%alignment == 0)
	n, err := transfer(p, at)
	if m.direct && errors.Is(err, syscall.EINVAL) { // there are file systems that say no as late as this
		m.refused = true
		m.set(f, false)
		return transfer(p, at)
	}
	return n, err
}

// set changes nothing if it fails. An unaligned transfer that is direct all the same fails too.
func (m *mode) set(f *os.File, direct bool) {
	if direct == m.direct || direct && m.refused {
		return
	}
	if err := setDirect(f, direct); err != nil {
		m.refused = true
		return
	}
	m.direct = direct
}

// Direct reads a long file past the page cache, which the file's end never was in. Like every reader it is for one
// goroutine at a time.
type Direct struct {
	dir    *Dir
	file   *os.File
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
	return &Direct{dir: d, file: f, at: from - skip, skip: skip, buffer: d.pieces.Get().(*[]byte)}
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
		n, err := r.mode.do(r.file, r.file.ReadAt, *r.buffer, r.at)
		r.rest, r.err = (*r.buffer)[min(r.skip, int64(n)):n], err
		r.at, r.skip = r.at+pieceSize, 0
	}
	return nil
}
