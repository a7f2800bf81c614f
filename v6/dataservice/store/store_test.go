package store

import (
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter6/rs"
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

// shard returns the name and the content of shard 0 of an object.
func shard(t *testing.T, body string) (name, content string) {
	coder, err := rs.NewCoder()
	require.NoError(t, err)
	o := rs.NewObject(int64(len(body)), hash.Of([]byte(body)))
	stripe := rs.NewStripe(o)
	stripe.Reset(0)
	copy(stripe.Data(), body)
	require.NoError(t, coder.Encode(stripe))
	block, sum := stripe.Stored(0)
	return rs.Name(o.Hash(), 0), string(o.Header(0)) + string(block) + string(sum)
}

func requireFile(t *testing.T, want string, elem ...string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	require.Equal(t, want, string(content))
}

func TestIntactShardStays(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	requireHas(t, s, name, false)
	require.ErrorIs(t, s.Check(name, io.Discard), fs.ErrNotExist)
	commit(t, s, name, content)
	requireHas(t, s, name, true)
	require.NoError(t, s.Check(name, io.Discard))
	commit(t, s, name, "of the second, which is not needed")
	requireFile(t, content, root, "objects", name)
	requireTempIsEmpty(t, root)
}

// TestCorruptShardIsReplaced damages a shard in every place, and in its length.
func TestCorruptShardIsReplaced(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	commit(t, s, name, content)
	damages := []string{"", content[:10], content[:len(content)-1], content + "x"}
	for at := range content {
		damages = append(damages, content[:at]+string(content[at]^1)+content[at+1:])
	}
	for _, corrupt := range damages {
		require.NoError(t, os.WriteFile(filepath.Join(root, "objects", name), []byte(corrupt), 0o644))
		require.Error(t, s.Check(name, io.Discard))
		requireHas(t, s, name, true)
		commit(t, s, name, content)
		requireFile(t, content, root, "objects", name)
		requireFile(t, corrupt, root, "quarantine", name)
		require.NoError(t, s.Check(name, io.Discard))
	}
	requireTempIsEmpty(t, root)
}

// TestUnreadableShardIsReplaced has a directory in the place of a shard.
func TestUnreadableShardIsReplaced(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	commit(t, s, name, content)
	require.NoError(t, os.Remove(filepath.Join(root, "objects", name)))
	require.NoError(t, os.Mkdir(filepath.Join(root, "objects", name), 0o755))
	require.Error(t, s.Check(name, io.Discard))
	commit(t, s, name, content)
	requireFile(t, content, root, "objects", name)
	require.DirExists(t, filepath.Join(root, "quarantine", name))
}

func requireTempIsEmpty(t *testing.T, root string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(root, "temp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestRemovedFileIsForgotten has a file removed behind the store's back. The content can be put again.
func TestRemovedFileIsForgotten(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	commit(t, s, name, content)
	for _, find := range []func() error{
		func() error { _, _, err := s.Open(name); return err },
		func() error { return s.Check(name, io.Discard) },
	} {
		require.NoError(t, os.Remove(filepath.Join(root, "objects", name)))
		require.ErrorIs(t, find(), fs.ErrNotExist)
		requireHas(t, s, name, false)
		commit(t, s, name, content)
		requireHas(t, s, name, true)
	}
	require.NoError(t, os.Remove(filepath.Join(root, "objects", name)))
	commit(t, s, name, content)
	requireFile(t, content, root, "objects", name)
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
