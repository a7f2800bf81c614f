package files

import (
	"os"

	"golang.org/x/sys/unix"
)

func setDirect(f *os.File, on bool) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if on {
		flags |= unix.O_DIRECT
	} else {
		flags &^= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err
}

// dropPages takes a file's bytes up to an offset out of the page cache, but for those that are not on disk yet or
// are being sent. It is advice to the kernel, and failing it matters to nobody.
func dropPages(f *os.File, to int64) {
	_ = unix.Fadvise(int(f.Fd()), 0, to, unix.FADV_DONTNEED)
}
