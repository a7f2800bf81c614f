package files

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// Cached is how many bytes at the beginning of a file go through the page cache when it is written, so that
// small files are read from memory. What comes after them goes straight to the disk (O_DIRECT, see open(2)):
// the kernel neither copies it nor finds memory for it, nor gives up pages for it that others read more often.
// MinIO writes so too, and so does Ceph.
const Cached = 1 << 20

const (
	pieceSize = 256 << 10 // of one transfer to or from the disk, in bytes
	alignment = 4096      // of addresses, offsets and lengths for O_DIRECT, in bytes; disks ask for 512 or this
)

// newPiece returns a *[]byte of pieceSize bytes whose address is aligned.
func newPiece() any {
	b := make([]byte, pieceSize+alignment)
	past := int(uintptr(unsafe.Pointer(&b[0])) % alignment)
	piece := b[alignment-past:][:pieceSize]
	return &piece
}

// mode switches a file between the page cache and O_DIRECT. Where the system or the file system has no
// O_DIRECT all goes through the page cache.
type mode struct {
	file    *os.File
	direct  bool
	refused bool
}

// do makes one transfer, which may only be direct if it is aligned. It can be made twice.
func (m *mode) do(direct bool, transfer func() (int, error)) (int, error) {
	m.set(direct)
	n, err := transfer()
	if m.direct && errors.Is(err, syscall.EINVAL) { // there are file systems that say no as late as this
		m.refused = true
		m.set(false)
		return transfer()
	}
	return n, err
}

// set changes nothing if it fails. An unaligned transfer that is direct all the same fails too.
func (m *mode) set(direct bool) {
	if direct == m.direct || direct && m.refused {
		return
	}
	if err := setDirect(m.file, direct); err != nil {
		m.refused = true
		return
	}
	m.direct = direct
}
