package store

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/files"
)

func requireRemoved(t *testing.T, s *Store, name, clock string) {
	t.Helper()
	size, err := s.Remove(name, clock)
	require.NoError(t, err)
	require.Positive(t, size)
	requireHas(t, s, name, false)
}

func requireInUse(t *testing.T, s *Store, name, clock string) {
	t.Helper()
	_, err := s.Remove(name, clock)
	require.ErrorIs(t, err, ErrInUse)
	requireHas(t, s, name, true)
}

// Content is protected for the age after the start, after it was stored, also once more, and after a claim.
// What counts is the time of the decision, not that of the removal.
func TestProtection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const age = time.Hour
		s := open(t, t.TempDir())
		name, content := shard(t, "hello, world")
		commit(t, s, name, content)
		for _, use := range []func(){
			func() {},
			func() { commit(t, s, name, content) },
			func() {
				good, err := s.Claim(name)
				require.NoError(t, err)
				require.Equal(t, age/2, good)
			},
		} {
			before := s.Clock()
			use()
			requireInUse(t, s, name, before)
			requireInUse(t, s, name, s.Clock())
			time.Sleep(age - time.Second)
			during := s.Clock()
			requireInUse(t, s, name, during)
			time.Sleep(2 * time.Second)
			requireInUse(t, s, name, during)
		}
		after := s.Clock()
		requireInUse(t, s, name, "another run "+after)
		requireInUse(t, s, name, "")
		requireRemoved(t, s, name, after)
		_, err := s.Remove(name, s.Clock())
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = s.Claim(name)
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// A decision that is too old for the store to know about claims since is refused.
func TestOldDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		name, content := shard(t, "hello, world")
		commit(t, s, name, content)
		time.Sleep(time.Hour + time.Second)
		decided := s.Clock()
		_, err := s.Claim(name)
		require.NoError(t, err)
		for range 20 {
			time.Sleep(maxPass)
			other, content := shard(t, fmt.Sprint("another", time.Now()))
			commit(t, s, other, content)
			requireInUse(t, s, name, decided)
		}
		require.LessOrEqual(t, len(s.uses.until), 16, "what is old is forgotten")
	})
}

func TestList(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("%064x.%d", i, i%6))
		require.NoError(t, os.WriteFile(filepath.Join(root, "objects", names[i]), nil, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "objects", "not-ours"), nil, 0o600))
	require.NoError(t, s.Refresh())
	requireList(t, s, names, "", 100)
	requireList(t, s, names, "", 50)
	requireList(t, s, names[:7], "", 7)
	requireList(t, s, names[8:11], names[7], 3)
	requireList(t, s, []string{}, names[49], 3)

	require.NoError(t, os.Rename(root, root+".gone"))
	_, err := s.List("", 100)
	require.ErrorIs(t, err, files.ErrGone)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "objects"), 0o755)) // below the place where a disk was mounted
	_, err = s.List("", 100)
	require.ErrorIs(t, err, files.ErrGone)
}

func requireList(t *testing.T, s *Store, want []string, after string, n int) {
	t.Helper()
	list, err := s.List(after, n)
	require.NoError(t, err)
	require.Equal(t, want, list)
}

func TestScrub(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	_, _, err := s.Scrub(t.Context(), name, 1000)
	require.ErrorIs(t, err, fs.ErrNotExist)
	commit(t, s, name, content)
	start := time.Now()
	read, encoding, err := s.Scrub(t.Context(), name, int64(4*len(content)))
	require.NoError(t, err)
	require.EqualValues(t, len(content), read)
	checked, err := s.Check(name, io.Discard)
	require.NoError(t, err)
	require.Equal(t, checked, encoding)
	require.GreaterOrEqual(t, time.Since(start), 240*time.Millisecond)
	file := filepath.Join(root, "objects", name)
	require.NoError(t, os.WriteFile(file, []byte(content[:len(content)-1]+"x"), 0o600))
	_, _, err = s.Scrub(t.Context(), name, 1e6)
	require.Error(t, err)
	requireHas(t, s, name, true)
}

// A start counts as a claim of all content: what was claimed before it is not known any more.
func TestStartProtects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		name, content := shard(t, "hello, world")
		require.NoError(t, os.MkdirAll(filepath.Join(root, "objects"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, "objects", name), []byte(content), 0o600))
		s := open(t, root)
		time.Sleep(time.Hour - time.Second)
		requireInUse(t, s, name, s.Clock())
		time.Sleep(2 * time.Second)
		requireRemoved(t, s, name, s.Clock())
	})
}
