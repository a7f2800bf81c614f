package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSaveThenOpen(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	for _, content := range []string{"", "a", strings.Repeat("0123456789", 100_000)} {
		require.NoError(t, d.Save("name", iotest.OneByteReader(strings.NewReader(content[:min(len(content), 100)]))))
		require.NoError(t, d.Save("name", strings.NewReader(content)), "over the one that was there")
		requireContent(t, d, "name", content)
	}
	require.Equal(t, []string{"name"}, ls(t, root, "objects"))
	require.Empty(t, ls(t, root, "temp"))
}

func TestFilesOutliveTheDir(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, d.Save("name", strings.NewReader("content")))
	require.NoError(t, d.Close())
	requireContent(t, open(t, root), "name", "content")
}

func TestMissingFile(t *testing.T) {
	d := open(t, t.TempDir())
	_, _, err := d.Open("nothing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireHas(t, d, "nothing", false)
}

// A body that fails half way leaves nothing of itself, and what had the name as it was.
func TestBodyThatFails(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, d.Save("old", strings.NewReader("as it was")))
	broken := errors.New("the client left")
	for _, name := range []string{"new", "old"} {
		body := io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
		err := d.Save(name, body)
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
	require.Error(t, d.Save("directory", strings.NewReader("content")), "a file cannot replace a directory")
	require.Empty(t, ls(t, root, "temp"))
}

func TestNothingIsVisibleBeforeTheEnd(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	body, w := io.Pipe()
	saved := make(chan error, 1)
	go func() { saved <- d.Save("name", body) }()
	_, err := io.WriteString(w, "half of it") // returns when Save has read it
	require.NoError(t, err)
	requireHas(t, d, "name", false)
	require.Empty(t, ls(t, root, "objects"))
	require.Len(t, ls(t, root, "temp"), 1)
	require.NoError(t, w.Close())
	require.NoError(t, <-saved)
	requireContent(t, d, "name", "half of it")
}

func TestReaderKeepsWhatItOpened(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, d.Save("name", strings.NewReader("before")))
	f, size, err := d.Open("name")
	require.NoError(t, err)
	defer f.Close() // opened for reading
	require.NoError(t, d.Save("name", strings.NewReader("and after")))
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
		writers.Go(func() { failed <- d.Save("name", bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 100_000))) })
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

func TestOpenClearsWhatADeadProcessLeft(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, d.Save("whole", strings.NewReader("content")))
	require.NoError(t, d.Close())
	require.NoError(t, os.WriteFile(filepath.Join(root, "temp", "123"), []byte("half"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(root, "temp", "directory"), 0o755))
	d = open(t, root)
	require.Empty(t, ls(t, root, "temp"))
	requireContent(t, d, "whole", "content")
}

func TestRootIsOfOneProcessAtATime(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	inUse := filepath.Join(root, "temp", "being-written")
	require.NoError(t, os.WriteFile(inUse, nil, 0o600))
	_, err := Open(root)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, root)
	require.FileExists(t, inUse, "the one who may not open it clears nothing")
	require.NoError(t, d.Close())
	open(t, root)
}

func TestRootThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Open(file)
	require.ErrorContains(t, err, "store root")
	require.NotErrorIs(t, err, ErrInUse)
}

// A disk that fails in the first step of the way to a durable file, made here by taking temp/ away.
func TestTempThatIsGone(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, os.Remove(filepath.Join(root, "temp")))
	require.ErrorIs(t, d.Save("name", strings.NewReader("content")), fs.ErrNotExist)
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
