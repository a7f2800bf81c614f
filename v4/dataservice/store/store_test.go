package store

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/files"
	"gostore/common/hash"
	"gostore/common/metrics"
)

func open(t *testing.T, root string) *Store {
	dir, err := files.Open(root)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	s, err := Open(dir, metrics.New())
	require.NoError(t, err)
	return s
}

func commit(t *testing.T, s *Store, name, content string) {
	temp, err := s.Create(-1)
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

func nameOf(content string) string { return hash.Of([]byte(content)).Hex() }

func requireFile(t *testing.T, want string, elem ...string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	require.Equal(t, want, string(content))
}

func requireTempIsEmpty(t *testing.T, root string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(root, "temp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestIntactContentStays(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name := nameOf("content")
	requireHas(t, s, name, false)
	require.ErrorIs(t, s.Check(name), fs.ErrNotExist)
	commit(t, s, name, "content")
	requireHas(t, s, name, true)
	require.NoError(t, s.Check(name))
	commit(t, s, name, "a second upload, which is not needed")
	requireFile(t, "content", root, "objects", name)
	requireTempIsEmpty(t, root)
}

func TestCheckQuarantinesCorruptContent(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name := nameOf("content")
	for _, corrupt := range []string{"", "c0ntent", "conten", "contents"} {
		commit(t, s, name, "content")
		require.NoError(t, os.WriteFile(filepath.Join(root, "objects", name), []byte(corrupt), 0o644))
		require.ErrorIs(t, s.Check(name), hash.ErrMismatch)
		requireHas(t, s, name, false)
		requireFile(t, corrupt, root, "quarantine", name)
	}
}

// TestDamagedContentIsReplaced has corrupt content, and a directory, in the place of content that is put
// again before anything reads it.
func TestDamagedContentIsReplaced(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name := nameOf("content")
	path := filepath.Join(root, "objects", name)
	commit(t, s, name, "content")
	require.NoError(t, os.WriteFile(path, []byte("c0ntent"), 0o644))
	commit(t, s, name, "content")
	requireFile(t, "content", root, "objects", name)
	requireFile(t, "c0ntent", root, "quarantine", name)

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o755))
	require.Error(t, s.Check(name))
	commit(t, s, name, "content")
	requireFile(t, "content", root, "objects", name)
	require.DirExists(t, filepath.Join(root, "quarantine", name))
}

// TestRemovedFileIsForgotten has a file removed behind the store's back. The content can be put again.
func TestRemovedFileIsForgotten(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name := nameOf("content")
	commit(t, s, name, "content")
	for _, find := range []func() error{
		func() error { _, _, err := s.Open(name); return err },
		func() error { return s.Check(name) },
	} {
		require.NoError(t, os.Remove(filepath.Join(root, "objects", name)))
		require.ErrorIs(t, find(), fs.ErrNotExist)
		requireHas(t, s, name, false)
		commit(t, s, name, "content")
		requireHas(t, s, name, true)
	}
	require.NoError(t, os.Remove(filepath.Join(root, "objects", name)))
	commit(t, s, name, "content")
	requireFile(t, "content", root, "objects", name)
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
	_, err = Open(dir, metrics.New())
	require.ErrorIs(t, err, files.ErrGone)
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
		s, err := Open(dir, metrics.New())
		require.NoError(b, err)
		require.Len(b, s.index, n)
	}
}

// A file that comes behind the store's back is found, and one that was asked for while it was missing.
func TestWhatComesBackIsFound(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	old, restored := "old", "restored"
	commit(t, s, old, "old")
	objects := filepath.Join(root, "objects")
	require.NoError(t, os.Rename(filepath.Join(objects, old), filepath.Join(root, old)))
	requireForgotten(t, s, old)
	require.NoError(t, os.Rename(filepath.Join(root, old), filepath.Join(objects, old)))
	require.NoError(t, os.WriteFile(filepath.Join(objects, restored), []byte("restored"), 0o600))
	require.NoError(t, s.Refresh())
	requireHas(t, s, old, true)
	requireHas(t, s, restored, true)
}

func requireForgotten(t *testing.T, s *Store, name string) {
	t.Helper()
	_, _, err := s.Open(name)
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireHas(t, s, name, false)
}

// A store whose root is gone forgets nothing.
func TestRootIsGone(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	commit(t, s, "name", "content")
	require.NoError(t, os.Rename(root, root+".gone"))
	_, _, err := s.Open("name")
	require.ErrorIs(t, err, files.ErrGone)
	require.NoError(t, os.Rename(root+".gone", root))
	requireHas(t, s, "name", true)
}
