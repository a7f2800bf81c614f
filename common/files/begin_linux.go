package files

import (
	"os"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2).
const syncFileRangeWrite = 2

// beginWriting has the disk begin with n bytes of a file from offset on, and does not wait for it.
func beginWriting(f *os.File, offset, n int64) {
	// It makes nothing durable, so its error, that it is not possible here, changes nothing.
	_ = syscall.SyncFileRange(int(f.Fd()), offset, n, syncFileRangeWrite)
}
