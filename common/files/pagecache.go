package files

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"unsafe"
)

// What is written is in the page cache afterwards, and has pushed out of it what is read more often; and memory
// that the kernel has not used for long is dear on a virtual machine, where the host has taken it back meanwhile. So
// a Dir takes little of it: a long file goes straight to the disk but for its beginning (O_DIRECT, see open(2);
// MinIO and Ceph write so too), and of the others those written last are kept (recent).

// Cached is how many bytes at the beginning of a file go through the page cache when it is written.
const Cached = 1 << 20

// recentSize is how many bytes of files written last are left in the page cache. It is simplified to a constant:
// production would take a share of the machine's memory.
const recentSize = 128 << 20

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

// recent knows the files that were written last. Its methods may be called by several goroutines at once.
type recent struct {
	mu    sync.Mutex
	files []writtenFile // the oldest first
	size  int64         // of all of them, in bytes
}

type writtenFile struct {
	name string
	size int64
}

// add returns the names of those that are not among the last any more.
func (r *recent) add(name string, size int64) (old []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size = max(min(size, Cached), alignment) // in the page cache
	r.files = append(r.files, writtenFile{name, size})
	for r.size += size; r.size > recentSize; r.files = r.files[1:] {
		r.size -= r.files[0].size
		old = append(old, r.files[0].name)
	}
	return old
}

// drop is for files that were written long ago. What cannot be opened is not there any more.
func (d *Dir) drop(names []string) {
	for _, name := range names {
		if f, err := os.Open(filepath.Join(d.objects, name)); err == nil {
			dropPages(f, Cached)
			_ = f.Close() // opened for reading
		}
	}
}
