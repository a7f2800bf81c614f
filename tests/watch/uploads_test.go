package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// part writes the record of a part.
func part(t *testing.T, root, name string, claim int, state string) {
	t.Helper()
	dir := filepath.Join(root, "uploads")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	text := fmt.Appendf(nil, "%d 60 -\n%s", claim, state)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+recordSuffix), text, 0o600))
}

// TestUploads has six parts, of which one has missed a claim and one is behind.
func TestUploads(t *testing.T) {
	root := t.TempDir()
	u := &uploads{}
	require.Empty(t, u.changed([]string{root, filepath.Join(root, "missing")}))
	at := func(offset int) string {
		return fmt.Sprintf(`{"name":"film","size":900,"Offset":%d,"Tail":"AA=="}`, offset)
	}
	for shard, offset := range []int{500, 500, 700, 500, 400} {
		part(t, root, fmt.Sprintf("aa.%d", shard), 3, at(offset))
	}
	part(t, root, "aa.5", 2, at(800))
	part(t, root, "bb.0", 1, `{"name":"done","size":5,"Offset":5,"Complete":true}`)
	part(t, root, "cc.0", 1, `{"name":`)
	part(t, root, "dd.0", 0, at(1))
	want := []upload{{ID: "aa", Name: "film", Size: 900, Offset: 500, Parts: 4}}
	require.Equal(t, want, u.changed([]string{root}))
	require.Nil(t, u.changed([]string{root}), "nothing has changed")
	for shard := range 6 {
		require.NoError(t, os.Remove(filepath.Join(root, "uploads", fmt.Sprintf("aa.%d.record", shard))))
	}
	require.Equal(t, []upload{}, u.changed([]string{root}), "the page removes it")
}
