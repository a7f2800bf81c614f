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

func TestTempIsSeenWhenItIsCommitted(t *testing.T) {
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

func TestDroppedTempIsGone(t *testing.T) {
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

func TestSetAside(t *testing.T) {
	root := t.TempDir()
	d := open(t, root)
	for _, content := range []string{"first", "second"} {
		require.NoError(t, d.Save("name", strings.NewReader(content)))
		require.NoError(t, d.SetAside("name"))
		requireHas(t, d, "name", false)
		kept, err := os.ReadFile(filepath.Join(root, "rotten", "name"))
		require.NoError(t, err)
		require.Equal(t, content, string(kept))
	}
	require.ErrorIs(t, d.SetAside("name"), os.ErrNotExist)
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
	require.NoError(t, d.SetAside("name"))
	require.False(t, is())
}
