//go:build !arm

package writeback

import (
	"os"
	"syscall"
)

// begin has the kernel begin to write what it still holds of a file. It makes nothing durable. (PostgreSQL does so at
// checkpoints: checkpoint_flush_after.)
func begin(f *os.File) {
	const write = 2 // SYNC_FILE_RANGE_WRITE, sync_file_range(2)
	// A failed write is told to the fsync.
	_ = syscall.SyncFileRange(int(f.Fd()), 0, 0, write)
}
