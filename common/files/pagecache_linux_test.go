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

func TestWhatIsInThePageCache(t *testing.T) {
	root := t.TempDir()
	skipInMemory(t, root)
	d := open(t, root)
	require.NoError(t, d.Save("small", strings.NewReader(strings.Repeat("small", 10_000))))
	require.NoError(t, d.Save("long", bytes.NewReader(long(t, 20*pieceSize))))
	require.EqualValues(t, 50_000/os.Getpagesize()+1, cachedPages(t, d, "small"))
	require.EqualValues(t, Cached/os.Getpagesize(), cachedPages(t, d, "long"))
	requireContent(t, d, "small", strings.Repeat("small", 10_000))
	requireDirect(t, d, "long", nil, 0)
	require.EqualValues(t, Cached/os.Getpagesize(), cachedPages(t, d, "long"), "as before")
	d.drop([]string{"small", "long", "nothing"})
	require.Zero(t, cachedPages(t, d, "small"))
	require.Zero(t, cachedPages(t, d, "long"))
}

func TestOldFilesLeaveThePageCache(t *testing.T) {
	root := t.TempDir()
	skipInMemory(t, root)
	d := open(t, root)
	require.NoError(t, d.Save("old", strings.NewReader("old")))
	require.NotZero(t, cachedPages(t, d, "old"))
	d.recent.size = recentSize // as if there were others
	require.NoError(t, d.Save("new", strings.NewReader("new")))
	require.Zero(t, cachedPages(t, d, "old"))
}

func skipInMemory(t *testing.T, dir string) {
	var in unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &in))
	if in.Type == unix.TMPFS_MAGIC {
		t.Skip("the temporary directory is all page cache")
	}
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
