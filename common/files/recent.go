package files

import (
	"os"
	"path/filepath"
	"sync"
)

// recentSize is how many bytes of the files written last a Dir leaves in the page cache. What is new is read often, so
// it is read from memory. But a store writes more than anybody reads: left alone that fills all memory, and each page
// is one that the kernel has not used for long, which on a virtual machine the host has taken back meanwhile: to
// write there takes many times as long. Pages given back are used again at once. A file that is read later comes
// into the page cache as any other.
//
// It is simplified to a constant. Production would take a share of the machine's memory.
const recentSize = 128 << 20

// recent knows the files that were written last. Its methods may be called by several goroutines at once.
type recent struct {
	mu    sync.Mutex
	files []writtenFile // the oldest first
	size  int64         // of all of them, in bytes
}

type writtenFile struct {
	name string
	size int64 // in the page cache
}

// add returns the names of those that are not among the last any more.
func (r *recent) add(name string, size int64) (old []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size = max(min(size, Cached), alignment)
	r.files = append(r.files, writtenFile{name, size})
	for r.size += size; r.size > recentSize; r.files = r.files[1:] {
		r.size -= r.files[0].size
		old = append(old, r.files[0].name)
	}
	return old
}

// uncache is for files that were written long ago. One that cannot be opened is not there any more.
func (d *Dir) uncache(names []string) {
	for _, name := range names {
		if f, err := os.Open(filepath.Join(d.objects, name)); err == nil {
			dropPages(f)
			_ = f.Close() // opened for reading
		}
	}
}
