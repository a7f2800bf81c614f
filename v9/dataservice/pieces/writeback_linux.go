package pieces

import (
	"os"
	"syscall"
)

// beginWriteback has the kernel begin to write what it still holds of a file, so that the fsync in the end has less to
// wait for. It makes nothing durable. (PostgreSQL does so at checkpoints: checkpoint_flush_after.)
func beginWriteback(f *os.File) {
	const write = 2 // SYNC_FILE_RANGE_WRITE, sync_file_range(2)
	// A failed write is told to the fsync.
	_ = syscall.SyncFileRange(int(f.Fd()), 0, 0, write)
}
