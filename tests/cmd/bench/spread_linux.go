package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// topDir is FS_TOPDIR_FL of linux/fs.h, which chattr +T sets.
const topDir = 0x00020000

// spread makes the file system place the subdirectories of dir in different block groups, where it
// supports that (ext4 does). Otherwise one target's deletions slow down another: before ext4
// without a journal allocates an inode it checks every inode of the block group that was deleted in
// the last minutes.
func spread(dir string) {
	f, err := os.Open(dir)
	if err != nil {
		return // the caller gets the error when it creates a file
	}
	defer f.Close() // opened for reading
	if flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS); err == nil {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags|topDir)) // best effort
	}
}
