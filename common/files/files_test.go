package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func save(d *Dir, name string, body io.Reader) error { return d.Save(name, body, -1) }

func TestSaveThenOpen(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	for _, content := range []string{"", "a", strings.Repeat("0123456789", 100_000)} {
		require.NoError(t, save(d, "name", iotest.OneByteReader(strings.NewReader(content[:min(len(content), 100)]))))
		require.NoError(t, save(d, "name", strings.NewReader(content)), "over the one that was there")
		requireContent(t, d, "name", content)
	}
	require.Equal(t, []string{"name"}, ls(t, root, "objects"))
	require.Empty(t, ls(t, root, "temp"))
}

func TestFilesOutliveTheDir(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, save(d, "name", strings.NewReader("content")))
	require.NoError(t, d.Close())
	requireContent(t, open(t, root), "name", "content")
}

func TestMissingFile(t *testing.T) {
	d := open(t, t.TempDir())
	_, _, err := d.Open("nothing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireHas(t, d, "nothing", false)
}

// A body that fails half way leaves nothing, and the earlier file unchanged.
func TestBodyThatFails(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, save(d, "old", strings.NewReader("as it was")))
	broken := errors.New("the client left")
	for _, name := range []string{"new", "old"} {
		body := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
		err := save(d, name, body)
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, name)
	}
	requireHas(t, d, "new", false)
	requireContent(t, d, "old", "as it was")
	require.Equal(t, []string{"old"}, ls(t, root, "objects"))
	require.Empty(t, ls(t, root, "temp"))
}

func TestCommitThatFails(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, os.Mkdir(filepath.Join(root, "objects", "directory"), 0o755))
	require.Error(t, save(d, "directory", strings.NewReader("content")), "a file cannot replace a directory")
	require.Empty(t, ls(t, root, "temp"))
}

func TestDirectoryInPlaceOfFile(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, os.Mkdir(filepath.Join(root, "objects", "directory"), 0o755))
	_, _, err := d.Open("directory")
	require.ErrorIs(t, err, errNotFile)
	requireHas(t, d, "directory", true)
}

// Opening a FIFO waits for a writer, as a read of a hung disk does.
func TestFIFOInPlaceOfFile(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "objects", "fifo"), 0o644))
	_, _, err := d.Open("fifo")
	require.ErrorIs(t, err, errNotFile)
	require.NoError(t, d.Quarantine("fifo"))
	requireHas(t, d, "fifo", false)
}

func TestNoRoom(t *testing.T) {
	d := open(t, t.TempDir())
	free, err := d.Free()
	require.NoError(t, err)
	require.ErrorIs(t, d.Save("name", strings.NewReader("content"), 2*free+reserve), syscall.ENOSPC)
	requireHas(t, d, "name", false)
}

// Bodies that break off with an error that looks like an end, the first to io.ReadFull, the second
// to errors.Is.
func TestBodyThatEndsTooEarly(t *testing.T) {
	d := open(t, t.TempDir())
	for _, broken := range []error{io.ErrUnexpectedEOF, fmt.Errorf("read: %w", io.EOF)} {
		body := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
		require.ErrorIs(t, save(d, "name", body), broken)
		requireHas(t, d, "name", false)
	}
}

func TestNothingIsVisibleBeforeTheEnd(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	body, w := io.Pipe()
	saved := make(chan error, 1)
	go func() { saved <- save(d, "name", body) }()
	_, err := io.WriteString(w, "half of it") // returns when Save has read it
	require.NoError(t, err)
	requireHas(t, d, "name", false)
	require.Empty(t, ls(t, root, "objects"))
	require.Len(t, ls(t, root, "temp"), 1)
	require.NoError(t, w.Close())
	require.NoError(t, <-saved)
	requireContent(t, d, "name", "half of it")
}

func TestCommitDoesNotChangeWhatAReaderHasOpened(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, save(d, "name", strings.NewReader("before")))
	f, size, err := d.Open("name")
	require.NoError(t, err)
	defer f.Close() // opened for reading
	require.NoError(t, save(d, "name", strings.NewReader("and after")))
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "before", string(content))
	require.EqualValues(t, len("before"), size)
}

func TestSavesOfOneNameAtOnce(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	var writers sync.WaitGroup
	failed := make(chan error, 8)
	for i := range cap(failed) {
		writers.Go(func() { failed <- save(d, "name", bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 100_000))) })
	}
	writers.Wait()
	for range cap(failed) {
		require.NoError(t, <-failed)
	}
	f, _, err := d.Open("name")
	require.NoError(t, err)
	defer f.Close() // opened for reading
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, bytes.Repeat(content[:1], 100_000), content, "one of them, whole")
	require.Equal(t, []string{"name"}, ls(t, root, "objects"))
	require.Empty(t, ls(t, root, "temp"))
}

func TestOpenRemovesWhatADeadProcessLeft(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, save(d, "whole", strings.NewReader("content")))
	require.NoError(t, d.Close())
	require.NoError(t, os.WriteFile(filepath.Join(root, "temp", "123"), []byte("half"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(root, "temp", "directory"), 0o755))
	d = open(t, root)
	require.Empty(t, ls(t, root, "temp"))
	requireContent(t, d, "whole", "content")
}

func TestOnlyOneProcessOpensARoot(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	inUse := filepath.Join(root, "temp", "being-written")
	require.NoError(t, os.WriteFile(inUse, nil, 0o600))
	_, err := Open(root)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, root)
	require.FileExists(t, inUse, "a process that may not open the root removes nothing")
	require.NoError(t, d.Close())
	open(t, root)
}

func TestTempOnAnotherFileSystem(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "gostore-test-")
	if err != nil {
		t.Skip("there is no second file system: ", err)
	}
	defer func() { require.NoError(t, os.RemoveAll(other)) }()
	if sameFileSystem(t.TempDir(), other) == nil {
		t.Skip("/dev/shm is on the file system of the temporary directory")
	}
	root := t.TempDir()
	require.NoError(t, os.Symlink(other, filepath.Join(root, "objects")))
	for range 2 { // and the first time does not hold the lock
		_, err = Open(root)
		require.ErrorContains(t, err, root)
		require.ErrorContains(t, err, "are on different file systems: mount one at the store root instead")
	}
}

// Open empties temp/, but never what a temp/ that is a symbolic link leads to.
func TestTempThatIsALink(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(other, filepath.Join(root, "temp")))
	require.NoError(t, os.WriteFile(filepath.Join(other, "123"), nil, 0o600))
	d := open(t, root)
	require.Equal(t, []string{"123"}, ls(t, other))
	require.NoError(t, save(d, "name", strings.NewReader("content")))
	requireContent(t, d, "name", "content")
}

func TestRootThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Open(file)
	require.ErrorContains(t, err, "store root")
	require.NotErrorIs(t, err, ErrInUse)
}

// The first of the four steps fails, here because temp/ was removed.
func TestTempThatWasRemoved(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, os.Remove(filepath.Join(root, "temp")))
	require.ErrorIs(t, save(d, "name", strings.NewReader("content")), fs.ErrNotExist)
	requireHas(t, d, "name", false)
}

// open closes the Dir at the end of the test, if the test has not.
func open(t *testing.T, root string) *Dir {
	t.Helper()
	d, err := Open(root)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() }) // an error would be that it is closed
	return d
}

func requireContent(t *testing.T, d *Dir, name, want string) {
	t.Helper()
	requireHas(t, d, name, true)
	f, size, err := d.Open(name)
	require.NoError(t, err)
	defer f.Close() // opened for reading
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	require.True(t, want == string(content), fmt.Sprintf("%d bytes, want %d", len(content), len(want)))
	require.EqualValues(t, len(want), size)
}

func requireHas(t *testing.T, d *Dir, name string, want bool) {
	t.Helper()
	has, err := d.Has(name)
	require.NoError(t, err)
	require.Equal(t, want, has, name)
}

func ls(t *testing.T, elem ...string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(elem...))
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// A root that is gone is told from one without files, also when another one is in its place.
func TestRootIsGone(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, save(d, "name", strings.NewReader("content")))
	require.NoError(t, os.Rename(root, root+".gone"))
	requireGone(t, d)
	require.NoError(t, open(t, root).Close())
	requireGone(t, d)
	require.NoError(t, os.RemoveAll(root))
	require.NoError(t, os.Rename(root+".gone", root))
	requireContent(t, d, "name", "content")
}

func requireGone(t *testing.T, d *Dir) {
	t.Helper()
	_, _, err := d.Open("name")
	require.ErrorIs(t, err, ErrGone)
	_, err = d.Has("name")
	require.ErrorIs(t, err, ErrGone)
	_, err = d.Create(-1)
	require.ErrorIs(t, err, ErrGone)
	require.ErrorIs(t, d.Writable(), ErrGone)
}

// Follow calls for files that come, for a root that is back, and not when nothing has changed.
func TestFollow(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	ctx, cancel := context.WithCancel(t.Context())
	calls, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		NewWatched(d).Follow(ctx, func() error { calls <- struct{}{}; return nil })
	}()
	awaitQuiet(t, calls)
	require.NoError(t, os.WriteFile(filepath.Join(root, "objects", "restored"), nil, 0o600))
	awaitQuiet(t, calls)
	require.NoError(t, os.Rename(root, root+".gone"))
	select {
	case <-calls:
		require.Fail(t, "called while the root is gone")
	case <-time.After(2 * probeInterval):
	}
	require.NoError(t, os.Rename(root+".gone", root))
	awaitQuiet(t, calls)
	cancel()
	<-ended
}

// awaitQuiet waits for a call, and until there are none.
func awaitQuiet(t *testing.T, calls <-chan struct{}) {
	t.Helper()
	select {
	case <-calls:
	case <-time.After(time.Minute):
		require.Fail(t, "no call")
	}
	for quiet := false; !quiet; {
		select {
		case <-calls:
		case <-time.After(3 * probeInterval):
			quiet = true
		}
	}
}
