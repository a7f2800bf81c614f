package erasure

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/rs"
	"gostore/common/hash"
)

func random(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	return content
}

// TestReadersOfRangesRelyOnStripes has a SHA-256 that the object does not have, in headers that are right: the reader
// of a GET computes none, that of a repair does.
func TestReadersOfRangesRelyOnStripes(t *testing.T) {
	codec, content := newTestCodec(t), random(2*rs.StripeSize+1)
	sum := sha256.Sum256(content)
	sum[0] ^= 1
	o := rs.NewObject(int64(len(content)), sum)
	places := serveShards(t, o, content)

	reader := codec.OpenRange(t.Context(), o, places, 0, o.Size())
	defer reader.Close()
	got, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, content, got)

	reader = codec.Open(t.Context(), o, places)
	defer reader.Close()
	_, err = io.ReadAll(reader)
	require.ErrorIs(t, err, hash.ErrMismatch)
}

// TestSmallObjectHasItsHash has shards that fit together, of other content.
func TestSmallObjectHasItsHash(t *testing.T) {
	codec := newTestCodec(t)
	for _, size := range []int{10, 5000, MaxSmall} {
		content := random(size)
		sum := sha256.Sum256(content)
		into := make([]byte, size)
		o := rs.NewObject(int64(size), sum)
		require.NoError(t, codec.ReadSmall(t.Context(), o, serveShards(t, o, content), into))
		require.Equal(t, content, into)
		content[0] ^= 1
		require.ErrorIs(t, codec.ReadSmall(t.Context(), o, serveShards(t, o, content), into), hash.ErrMismatch)
	}
}

// TestSmallObjectsReuseMemory encodes an object of 1 MiB for which 4 MiB were allocated without that, and decodes it.
func TestSmallObjectsReuseMemory(t *testing.T) {
	codec, content := newTestCodec(t), random(MaxSmall)
	o := rs.NewObject(int64(len(content)), sha256.Sum256(content))
	into := make([]byte, MaxSmall)
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			memory := codec.files.Get(rs.Shards * int(o.MaxShardSize()))
			files, err := codec.shardFiles(o, content, memory)
			require.NoError(b, err)
			require.NoError(b, codec.decode(o, files, into))
			codec.files.Put(memory)
		}
	}).AllocedBytesPerOp()
	require.Equal(t, content, into)
	require.Less(t, allocated, int64(2<<20), "the race detector has pools forget some")
}
