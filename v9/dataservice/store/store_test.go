package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/rs"
	"gostore/common/files"
	"gostore/common/hash"
	"gostore/common/metrics"
)

func open(t *testing.T, root string) *Store {
	dir, err := files.Open(root)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	s, err := Open(dir, time.Hour, metrics.New())
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
func shard(t testing.TB, body string) (name, content string) {
	return encodedBy(t, body, (*rs.Coder).Encode)
}

// rawShard returns a shard that another encoder might have written.
func rawShard(t *testing.T, body string) (name, content string) {
	return encodedBy(t, body, (*rs.Coder).Protect)
}

func encodedBy(t testing.TB, body string, encode func(c *rs.Coder, s *rs.Stripe) error) (name, content string) {
	coder, err := rs.NewCoder()
	require.NoError(t, err)
	o := rs.NewObject(int64(len(body)), hash.Of([]byte(body)))
	stripe := rs.NewStripe(o)
	stripe.Reset(0)
	copy(stripe.Data(), body)
	require.NoError(t, encode(coder, stripe))
	block, sum := stripe.Stored(0)
	table := rs.NewTable(o)
	table.Add(stripe)
	return rs.Name(o.Hash(), 0), string(slices.Concat(o.Header(0), block, sum, table.Stored(0)))
}

// has returns an error if the store has a name or does not know.
func has(s *Store, name string) error {
	there, err := s.Has(name)
	if there {
		return errors.New("it has it")
	}
	return err
}

func check(s *Store, name string) error { _, err := s.Check(name, io.Discard); return err }

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
	require.ErrorIs(t, check(s, name), fs.ErrNotExist)
	commit(t, s, name, content)
	requireHas(t, s, name, true)
	require.NoError(t, check(s, name))
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
		require.Error(t, check(s, name))
		requireHas(t, s, name, true)
		commit(t, s, name, content)
		requireFile(t, content, root, "objects", name)
		requireFile(t, corrupt, root, "quarantine", name)
		require.NoError(t, check(s, name))
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
	require.Error(t, check(s, name))
	commit(t, s, name, content)
	requireFile(t, content, root, "objects", name)
	require.DirExists(t, filepath.Join(root, "quarantine", name))
}

// TestShardOfAnotherEncodingIsReplaced has an intact shard that cannot be decoded with the new ones.
func TestShardOfAnotherEncodingIsReplaced(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	body := strings.Repeat("hello, world", 100)
	name, packed := shard(t, body)
	_, raw := rawShard(t, body)
	commit(t, s, name, raw)
	before, err := s.Check(name, io.Discard)
	require.NoError(t, err)
	commit(t, s, name, packed)
	requireFile(t, packed, root, "objects", name)
	requireFile(t, raw, root, "quarantine", name)
	after, err := s.Check(name, io.Discard)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

// TestOtherVersionIsRefused has a shard of chapter 8 among broken ones: nothing is changed.
func TestOtherVersionIsRefused(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	commit(t, s, name, content)
	dir := s.dir
	_, err := Open(dir, time.Hour, metrics.New())
	require.NoError(t, err)

	old := []byte(content)
	old[4] = 3
	binary.BigEndian.PutUint32(old[52:], crc32.Checksum(old[:52], crc32.MakeTable(crc32.Castagnoli)))
	objects := filepath.Join(root, "objects")
	require.NoError(t, os.WriteFile(filepath.Join(objects, name), []byte("broken"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(objects, "old"), old, 0o644))
	_, err = Open(dir, time.Hour, metrics.New())
	require.ErrorIs(t, err, rs.ErrVersion)
	require.ErrorContains(t, err, "of version 4: another version, 3")
	requireFile(t, string(old), objects, "old")

	old[4] = 4 // a bit of it is damaged
	require.NoError(t, os.WriteFile(filepath.Join(objects, "old"), old, 0o644))
	_, err = Open(dir, time.Hour, metrics.New())
	require.NoError(t, err)
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
		func() error { return cmp.Or(has(s, name), fs.ErrNotExist) },
		func() error { _, _, err := s.Open(name); return err },
		func() error { return check(s, name) },
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
	_, err = Open(dir, time.Hour, metrics.New())
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
	_, content := shard(b, "hello, world")
	for i := range n {
		name := filepath.Join(objects, rs.Name(hash.Of(binary.AppendVarint(nil, int64(i))), 0))
		if i%linksMost == 0 {
			first = name
			require.NoError(b, os.WriteFile(name, []byte(content), 0o644))
			continue
		}
		require.NoError(b, os.Link(first, name))
	}
	dir, err := files.Open(root)
	require.NoError(b, err)
	defer dir.Close() // of this benchmark only
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s, err := Open(dir, time.Hour, metrics.New())
		require.NoError(b, err)
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.Len(b, s.index, n)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
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
