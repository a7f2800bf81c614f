package uploads

import (
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/dataservice/store"
	"gostore/chapter9/rs"
	"gostore/common/files"
	"gostore/common/hash"
	"gostore/common/metrics"
)

// TestOtherVersionIsRefused has a part of chapter 6, with and without its record: nothing is changed.
func TestOtherVersionIsRefused(t *testing.T) {
	dir, err := files.Open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	content, err := store.Open(dir, time.Hour, metrics.New())
	require.NoError(t, err)
	path, err := dir.Sub("uploads")
	require.NoError(t, err)

	object := hash.Of([]byte("hello, world"))
	header := rs.NewObject(12, object).Header(0)
	header[4] = 2
	binary.BigEndian.PutUint32(header[52:], crc32.Checksum(header[:52], crc32.MakeTable(crc32.Castagnoli)))
	part := filepath.Join(path, rs.Name(object, 0))
	require.NoError(t, os.WriteFile(part, header, 0o644))
	_, err = Open(dir, content, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, rs.ErrVersion)
	require.FileExists(t, part)

	require.NoError(t, os.WriteFile(part+recordSuffix, []byte("1 56 -\n{}"), 0o644))
	_, err = Open(dir, content, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, rs.ErrVersion)
	require.FileExists(t, part)
}
