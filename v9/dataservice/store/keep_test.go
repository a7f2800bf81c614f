package store

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/httpd"
)

func TestKeep(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	name, content := shard(t, "hello, world")
	file := filepath.Join(root, "objects", name)
	keep := func() {
		t.Helper()
		_, err := s.Keep(name, []byte(content))
		require.NoError(t, err)
		requireHas(t, s, name, true)
	}
	keep()
	first, err := os.Stat(file)
	require.NoError(t, err)
	keep()
	second, err := os.Stat(file)
	require.NoError(t, err)
	require.True(t, os.SameFile(first, second), "what is there is not written again")

	for at := range content {
		wrong := []byte(content)
		wrong[at] ^= 1
		_, err := s.Keep(name, wrong)
		var e *httpd.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, http.StatusBadRequest, e.Status)

		require.NoError(t, os.WriteFile(file, wrong, 0o600))
		keep()
		now, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, content, string(now))
		require.FileExists(t, filepath.Join(root, "quarantine", name))
	}
	entries, err := os.ReadDir(filepath.Join(root, "temp"))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestKeepProtects has what is stored and what is there already protected as by a claim.
func TestKeepProtects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir())
		name, content := shard(t, "hello, world")
		for range 2 {
			time.Sleep(2 * time.Hour)
			age, err := s.Keep(name, []byte(content))
			require.NoError(t, err)
			require.Equal(t, 30*time.Minute, age)
			time.Sleep(time.Hour - time.Second)
			requireInUse(t, s, name, s.Clock())
		}
		time.Sleep(2 * time.Second)
		requireRemoved(t, s, name, s.Clock())
	})
}

// TestKeepMixesNoEncodings has an intact shard of another encoding, which stays, and a corrupt one, which goes.
func TestKeepMixesNoEncodings(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	text := strings.Repeat("hello, world", 100)
	name, packed := shard(t, text)
	_, raw := rawShard(t, text)
	_, err := s.Keep(name, []byte(raw))
	require.NoError(t, err)
	_, err = s.Keep(name, []byte(packed))
	require.ErrorIs(t, err, ErrOtherEncoding)
	file := filepath.Join(root, "objects", name)
	now, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, raw, string(now))
	require.NoError(t, os.WriteFile(file, []byte(raw[:len(raw)-1]+"x"), 0o600))
	_, err = s.Keep(name, []byte(packed))
	require.NoError(t, err)
	now, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, packed, string(now))
}
