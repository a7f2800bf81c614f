package files

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLongFilesStayOutOfThePageCache(t *testing.T) {
	d := open(t, onDisk(t))
	content := long(t, 20*pieceSize)
	require.NoError(t, d.Save("name", bytes.NewReader(content)))
	require.LessOrEqual(t, cachedPages(t, d, "name"), Cached/os.Getpagesize())
	requireDirect(t, d, "name", content, 0)
	require.LessOrEqual(t, cachedPages(t, d, "name"), Cached/os.Getpagesize(), "after it was read")
}

func TestOldFilesLeaveThePageCache(t *testing.T) {
	d := open(t, onDisk(t))
	require.NoError(t, d.Save("old", strings.NewReader("old")))
	require.NoError(t, d.Save("gone", strings.NewReader("gone")))
	require.NoError(t, d.SetAside("gone"))
	require.NotZero(t, cachedPages(t, d, "old"))
	d.recent.size = recentSize + alignment // as if there were others
	require.NoError(t, d.Save("new", strings.NewReader("new")))
	require.Zero(t, cachedPages(t, d, "old"))
	require.NotZero(t, cachedPages(t, d, "new"))
}

// onDisk returns a temporary directory, if it is not all page cache.
func onDisk(t *testing.T) string {
	root := t.TempDir()
	var in unix.Statfs_t
	require.NoError(t, unix.Statfs(root, &in))
	if in.Type == unix.TMPFS_MAGIC {
		t.Skip("the temporary directory is all page cache")
	}
	return root
}

// cachedPages counts the pages of a whole file that are in the page cache.
func cachedPages(t *testing.T, d *Dir, name string) (sum int) {
	f, size, err := d.Open(name)
	require.NoError(t, err)
	defer f.Close() // opened for reading
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(mapped)) }()
	pages := make([]byte, (len(mapped)+os.Getpagesize()-1)/os.Getpagesize())
	_, _, failed := syscall.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped)), uintptr(unsafe.Pointer(&pages[0])))
	require.Zero(t, failed)
	for _, page := range pages {
		sum += int(page & 1)
	}
	return sum
}
