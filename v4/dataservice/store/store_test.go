package store

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/files"
	"gostore/common/hash"
)

func open(t *testing.T, root string) *Store {
	dir, err := files.Open(root)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	s, err := Open(dir)
	require.NoError(t, err)
	return s
}

func commit(t *testing.T, s *Store, name, content string) {
	temp, err := s.Create()
	require.NoError(t, err)
	_, err = temp.Append(strings.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, s.Commit(temp, name))
}

func requireHas(t *testing.T, s *Store, name string, want bool) {
	t.Helper()
	has, err := s.Has(name)
	require.NoError(t, err)
	require.Equal(t, want, has)
	f, _, err := s.Open(name)
	require.Equal(t, want, err == nil, "the file is there if the index says so: %v", err)
	if err == nil {
		require.NoError(t, f.Close())
		return
	}
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestCommitAndSetAside(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	requireHas(t, s, "a", false)
	commit(t, s, "a", "content")
	requireHas(t, s, "a", true)
	commit(t, s, "a", "of the second, which is not needed")
	f, size, err := s.Open("a")
	require.NoError(t, err)
	defer f.Close() // opened for reading
	require.EqualValues(t, len("content"), size)

	require.NoError(t, s.SetAside("a", f))
	requireHas(t, s, "a", false)
	kept, err := os.ReadFile(filepath.Join(root, "rotten", "a"))
	require.NoError(t, err)
	require.Equal(t, "content", string(kept))
	left, err := os.ReadDir(filepath.Join(root, "temp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestLateReaderDoesNotSetAsideWhatIsNew has two readers find the same rot, and the content committed
// again between them.
func TestLateReaderDoesNotSetAsideWhatIsNew(t *testing.T) {
	s := open(t, t.TempDir())
	commit(t, s, "a", "rotten")
	first, _, err := s.Open("a")
	require.NoError(t, err)
	defer first.Close() // opened for reading
	second, _, err := s.Open("a")
	require.NoError(t, err)
	defer second.Close() // opened for reading

	require.NoError(t, s.SetAside("a", first))
	commit(t, s, "a", "sound")
	require.NoError(t, s.SetAside("a", second))
	requireHas(t, s, "a", true)
}

// TestRemovedFileIsForgotten has somebody remove a file behind the store's back: who puts the content
// again is not told that it is there.
func TestRemovedFileIsForgotten(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	commit(t, s, "a", "content")
	require.NoError(t, os.Remove(filepath.Join(root, "objects", "a")))
	_, _, err := s.Open("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireHas(t, s, "a", false)
	commit(t, s, "a", "content")
	requireHas(t, s, "a", true)
}

func TestOpenFindsWhatIsThere(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "objects"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "objects", "a"), nil, 0o644))
	s := open(t, root)
	requireHas(t, s, "a", true)
	requireHas(t, s, "b", false)
}

func TestOpenReportsWhatStopsTheList(t *testing.T) {
	root := t.TempDir()
	dir, err := files.Open(root)
	require.NoError(t, err)
	defer dir.Close() // of this test only
	require.NoError(t, os.RemoveAll(filepath.Join(root, "objects")))
	_, err = Open(dir)
	require.True(t, errors.Is(err, fs.ErrNotExist), "%v", err)
}

// BenchmarkOpen is the start of a data service that has a million files. They are links to a few, since
// what is listed is names; links are more quickly made than files.
func BenchmarkOpen(b *testing.B) {
	const n, linksMost = 1_000_000, 60_000 // some file systems take no more than 65,000 to one file
	root := b.TempDir()
	objects := filepath.Join(root, "objects")
	require.NoError(b, os.MkdirAll(objects, 0o755))
	first := ""
	for i := range n {
		name := filepath.Join(objects, hash.Of(binary.AppendVarint(nil, int64(i))).Hex())
		if i%linksMost == 0 {
			first = name
			require.NoError(b, os.WriteFile(name, nil, 0o644))
			continue
		}
		require.NoError(b, os.Link(first, name))
	}
	dir, err := files.Open(root)
	require.NoError(b, err)
	defer dir.Close() // of this benchmark only
	for b.Loop() {
		s, err := Open(dir)
		require.NoError(b, err)
		require.Len(b, s.index, n)
	}
}
