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
	temp, err := d.Create(-1)
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
	temp, err := d.Create(-1)
	require.NoError(t, err)
	require.NoError(t, temp.Drop())
	require.Empty(t, ls(t, root, "temp"))
}

func TestNames(t *testing.T) {
	d := open(t, t.TempDir())
	want := map[string]bool{}
	for i := range 50 {
		name := fmt.Sprint(i)
		require.NoError(t, save(d, name, strings.NewReader("")))
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
	require.NoError(t, d.Quarantine("name"))
	for _, content := range []string{"first", "second"} {
		require.NoError(t, save(d, "name", strings.NewReader(content)))
		require.NoError(t, d.Quarantine("name"))
		requireHas(t, d, "name", false)
		moved, err := os.ReadFile(filepath.Join(root, "quarantine", "name"))
		require.NoError(t, err)
		require.Equal(t, content, string(moved))
	}
	require.NoError(t, d.Quarantine("name"))
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
	require.NoError(t, save(d, "name", strings.NewReader("file")))
	require.NoError(t, d.Quarantine("name"))
	require.FileExists(t, moved)
	require.NoError(t, os.MkdirAll(filepath.Join(object, "inside"), 0o755))
	require.NoError(t, d.Quarantine("name"))
	require.DirExists(t, filepath.Join(moved, "inside"))
}

func TestQuarantineAtTheSameTime(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, save(d, "name", strings.NewReader("corrupt")))
	errs := make(chan error, 16)
	for range cap(errs) {
		go func() { errs <- d.Quarantine("name") }()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	require.FileExists(t, filepath.Join(root, "quarantine", "name"))
}

// TestReplaceLeavesNoGap replaces a file many times while another goroutine opens it: it is always there.
func TestReplaceLeavesNoGap(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	require.NoError(t, save(d, "name", strings.NewReader("0")))
	replaced := make(chan error, 1)
	go func() {
		var errs []error
		for range 50 {
			temp, err := d.Create(-1)
			errs = append(errs, err, temp.Replace("name"))
		}
		replaced <- errors.Join(errs...)
	}()
	for done := false; !done; {
		select {
		case err := <-replaced:
			require.NoError(t, err)
			done = true
		default:
			f, _, err := d.Open("name")
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
	}
	require.FileExists(t, filepath.Join(root, "quarantine", "name"))
}

// TestReplaceMissingAndDirectory has nothing, and then a directory, in the place of the file.
func TestReplaceMissingAndDirectory(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	replace := func(content string) {
		temp, err := d.Create(-1)
		require.NoError(t, err)
		_, err = temp.Append(strings.NewReader(content))
		require.NoError(t, err)
		require.NoError(t, temp.Replace("name"))
		now, err := os.ReadFile(filepath.Join(root, "objects", "name"))
		require.NoError(t, err)
		require.Equal(t, content, string(now))
	}
	replace("first")
	require.NoFileExists(t, filepath.Join(root, "quarantine", "name"))
	require.NoError(t, os.Remove(filepath.Join(root, "objects", "name")))
	require.NoError(t, os.Mkdir(filepath.Join(root, "objects", "name"), 0o755))
	replace("second")
	require.DirExists(t, filepath.Join(root, "quarantine", "name"))
	replace("third")
	kept, err := os.ReadFile(filepath.Join(root, "quarantine", "name"))
	require.NoError(t, err)
	require.Equal(t, "second", string(kept))
}
