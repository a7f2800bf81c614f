package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTempIsVisibleAfterCommit(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	temp, err := d.Create()
	require.NoError(t, err)
	for _, piece := range []string{"one, ", "", "two"} {
		n, err := temp.Append(strings.NewReader(piece))
		require.NoError(t, err)
		require.EqualValues(t, len(piece), n)
	}
	requireHas(t, d, "name", false)
	require.NoError(t, temp.Commit("name"))
	requireContent(t, d, "name", "one, two")
	require.Empty(t, ls(t, root, "temp"))
}

func TestDroppedTempIsRemoved(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	temp, err := d.Create()
	require.NoError(t, err)
	require.NoError(t, temp.Drop())
	require.Empty(t, ls(t, root, "temp"))
}

func TestNames(t *testing.T) {
	d := open(t, t.TempDir())
	want := map[string]bool{}
	for i := range 50 {
		name := fmt.Sprint(i)
		require.NoError(t, d.Save(name, strings.NewReader("")))
		want[name] = true
	}
	got := map[string]bool{}
	require.NoError(t, d.Names(func(name string) error { got[name] = true; return nil }))
	require.Equal(t, want, got)
	enough := errors.New("enough")
	require.ErrorIs(t, d.Names(func(string) error { return enough }), enough)
}

func TestQuarantine(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.ErrorIs(t, d.Quarantine("name"), os.ErrNotExist)
	for _, content := range []string{"first", "second"} {
		require.NoError(t, d.Save("name", strings.NewReader(content)))
		require.NoError(t, d.Quarantine("name"))
		requireHas(t, d, "name", false)
		moved, err := os.ReadFile(filepath.Join(root, "quarantine", "name"))
		require.NoError(t, err)
		require.Equal(t, content, string(moved))
	}
	require.ErrorIs(t, d.Quarantine("name"), os.ErrNotExist)
	require.FileExists(t, filepath.Join(root, "quarantine", "name"), "the earlier one stays")
}

// A directory that is in objects/ by mistake can be quarantined too, and files and directories
// replace each other.
func TestQuarantineOfDirectory(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	object, moved := filepath.Join(root, "objects", "name"), filepath.Join(root, "quarantine", "name")
	for range 2 {
		require.NoError(t, os.MkdirAll(filepath.Join(object, "inside"), 0o755))
		require.NoError(t, d.Quarantine("name"))
		require.DirExists(t, filepath.Join(moved, "inside"))
	}
	require.NoError(t, d.Save("name", strings.NewReader("file")))
	require.NoError(t, d.Quarantine("name"))
	require.FileExists(t, moved)
	require.NoError(t, os.MkdirAll(filepath.Join(object, "inside"), 0o755))
	require.NoError(t, d.Quarantine("name"))
	require.DirExists(t, filepath.Join(moved, "inside"))
}

func TestQuarantineAtTheSameTime(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, d.Save("name", strings.NewReader("corrupt")))
	errs := make(chan error, 16)
	for range cap(errs) {
		go func() { errs <- d.Quarantine("name") }()
	}
	moved := 0
	for range cap(errs) {
		if err := <-errs; err == nil {
			moved++
		} else {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	require.Equal(t, 1, moved)
	require.FileExists(t, filepath.Join(root, "quarantine", "name"))
}

func TestIs(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, d.Save("name", strings.NewReader("old")))
	f, _, err := d.Open("name")
	require.NoError(t, err)
	defer f.Close() // opened for reading
	is := func() bool {
		same, err := d.Is("name", f)
		require.NoError(t, err)
		return same
	}
	require.True(t, is())
	require.NoError(t, d.Save("name", strings.NewReader("new")))
	require.False(t, is())
	require.NoError(t, d.Quarantine("name"))
	require.False(t, is())
}
