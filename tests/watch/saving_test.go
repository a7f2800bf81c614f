package watch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRawSize compares with a file of version 2.
func TestRawSize(t *testing.T) {
	_, raw := shardFile(2)
	require.EqualValues(t, len(raw), rawSize(4*blockSize+10))
	require.EqualValues(t, 64, rawSize(13), "docs/format.md")
	require.EqualValues(t, 56, rawSize(0), "docs/format.md")
}

// TestSaving measures a disk with a compressed shard, a file that is no shard, and a damaged one.
func TestSaving(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "objects")
	require.NoError(t, os.Mkdir(dir, 0o755))
	name, shard := shardFile(3)
	_, raw := shardFile(2)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), shard, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("no shard"), 0o600))
	damaged := append([]byte("G"), shard[1:]...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"+name[1:]), damaged, 0o600))
	d := newDisks(true)
	d.of(root)
	require.Equal(t, &saving{Raw: int64(len(raw)), Stored: int64(len(shard))}, d.saved())
	require.Nil(t, newDisks(false).saved())
}
