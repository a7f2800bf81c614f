package chapter9_test

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/reedsolomon"
	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"

	"gostore/common/hash"
	"gostore/tests/cluster"
	"gostore/tests/fault"
	"gostore/tests/suite"
)

// encodingTests has shard files that another encoder might have written.
func encodingTests() []suite.Test {
	return []suite.Test{
		{Name: "OtherEncoding", Run: otherEncoding},
		{Name: "Bomb", Run: bomb},
		{Name: "TablesCorrupt", Run: tablesCorrupt},
		{Name: "RangeOfForeignBlock", Run: rangeOfForeignBlock},
		{Name: "FramesOfTheClient", Run: framesOfTheClient},
	}
}

func checksum(before uint32, b []byte) uint32 {
	return crc32.Update(before, crc32.MakeTable(crc32.Castagnoli), b)
}

// handmade returns the shard files of an object, as package rs documents them, but with stripes that the
// caller encodes. The highest bit of a length says that the stripe is raw.
func handmade(t *testing.T, object []byte, encode func(stripe []byte) (encoded []byte, length uint32)) (files [suite.Shards][]byte) {
	code, err := reedsolomon.New(suite.DataShards, suite.Shards-suite.DataShards)
	require.NoError(t, err)
	sum := hash.Of(object)
	var seeds [suite.Shards]uint32
	for i := range files {
		header := append([]byte{'g', 'o', 'r', 's', 4, byte(i), 4, 2, 0, 2, 0, 0}, binary.BigEndian.AppendUint64(nil, uint64(len(object)))...)
		header = append(header, sum[:]...)
		seeds[i] = checksum(0, header)
		files[i] = binary.BigEndian.AppendUint32(header, seeds[i])
	}
	var table []byte
	number := uint32(0)
	for stripe := range slices.Chunk(object, suite.Stripe) {
		encoded, length := encode(stripe)
		table = binary.BigEndian.AppendUint32(table, length)
		table = binary.BigEndian.AppendUint64(table, xxh3.HashSeed(encoded, binary.BigEndian.Uint64(sum[:8])^uint64(number)))
		blockLen := max((len(encoded)+3)/4, min(len(encoded), 4<<10))
		padded := append(slices.Clone(encoded), make([]byte, suite.Shards*blockLen-len(encoded))...)
		blocks := slices.Collect(slices.Chunk(padded, blockLen))
		require.NoError(t, code.Encode(blocks))
		for i, block := range blocks {
			files[i] = binary.BigEndian.AppendUint32(append(files[i], block...), checksum(seeds[i]+number, block))
		}
		number++
	}
	for i := range files {
		files[i] = binary.BigEndian.AppendUint32(append(files[i], table...), checksum(seeds[i]+number, table))
	}
	return files
}

func write(t *testing.T, files [suite.Shards]string, contents [suite.Shards][]byte, shards ...int) {
	t.Helper()
	for _, i := range shards {
		require.NoError(t, os.WriteFile(files[i], contents[i], 0o644))
	}
}

// otherEncoding has shards of two encodings, which are never mixed: an object is read from those of one if
// there are enough, and a repair or a PUT makes all of one.
func otherEncoding(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewText(2*suite.Stripe + 1000)
	raw := handmade(t, body, func(stripe []byte) ([]byte, uint32) { return stripe, 1<<31 | uint32(len(stripe)) })
	name, files, ours := s.PutShards(t, body)

	write(t, files, raw, 1, 4)
	s.RequireRepaired(t, name, body, ours)

	write(t, files, raw, 0, 2, 3, 5)
	s.RequireRepaired(t, name, body, raw)

	require.NoError(t, os.Remove(files[0]))
	require.NoError(t, os.Remove(files[1]))
	s.Put(t, suite.NewName(), body)
	s.RequireShards(t, body, raw)

	write(t, files, ours, 0, 1, 2)
	suite.RequireError(t, http.StatusServiceUnavailable, s.Get(t, name))
	s.Put(t, suite.NewName(), body)
	s.RequireRepaired(t, name, body, ours)
}

// bomb has a frame that decodes to much more than its stripe, under checksums that are right.
func bomb(t *testing.T, s *suite.Store) {
	s = s.Another(t, func(*cluster.Config) {}) // whose memory no other test uses
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	frame := encoder.EncodeAll(make([]byte, 256<<20), nil)
	body := suite.NewText(2 * suite.Stripe)
	name, files, ours := s.PutShards(t, body)
	bombs := handmade(t, body, func([]byte) ([]byte, uint32) { return frame, uint32(len(frame)) })
	write(t, files, bombs, 0, 1, 2, 3, 4, 5)
	for range 3 {
		suite.RequireError(t, http.StatusServiceUnavailable, s.Get(t, name))
	}
	for _, p := range s.Cluster.All() {
		require.LessOrEqual(t, suite.PeakMemory(t, p), 64<<10, p.Name)
	}
	write(t, files, ours, 0, 1, 2, 3)
	s.Put(t, name, body) // a GET reads these four only
	s.RequireRepaired(t, name, body, ours)
}

// tablesCorrupt flips a byte of the table of each of two shards, and of the header of two others.
func tablesCorrupt(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewText(4*suite.Stripe + 1)
	name, files, contents := s.PutShards(t, body)
	for _, two := range [][2]int{{0, 1}, {2, 5}, {3, 4}} {
		for _, back := range []int{1, 4, 5, 8, 9, 20, 5*8 + 4} {
			for _, i := range two {
				corrupt := slices.Clone(contents[i])
				corrupt[len(corrupt)-back] ^= 0x80
				require.NoError(t, os.WriteFile(files[i], corrupt, 0o644))
			}
			s.RequireRepaired(t, name, body, contents)
		}
	}
}

// rangeOfForeignBlock has a block of other content whose checksum fits. A range, which cannot be verified by
// the hash of the object, is by the table: it has no wrong byte.
func rangeOfForeignBlock(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(3 * suite.Stripe)
	name, files, contents := s.PutShards(t, body)
	require.NoError(t, os.WriteFile(files[0], fault.Forge(contents[0]), 0o644))
	header := http.Header{"Range": {"bytes=0-9"}}
	got, err := s.DoWith(t.Context(), http.MethodGet, suite.ObjectURL(s.API[0], name), header, nil)
	require.NoError(t, err)
	suite.RequireError(t, http.StatusServiceUnavailable, got)
	s.RequireShards(t, body, contents)
	got, err = s.DoWith(t.Context(), http.MethodGet, suite.ObjectURL(s.API[0], name), header, nil)
	require.NoError(t, err)
	require.Equal(t, body[:10], got.Body)
}

// framesOfTheClient are what this chapter could take for its own: they come back as they are.
func framesOfTheClient(t *testing.T, s *suite.Store) {
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for _, body := range [][]byte{
		encoder.EncodeAll(suite.NewText(3*suite.Stripe), nil),
		encoder.EncodeAll(make([]byte, 256<<20), nil),
		encoder.EncodeAll(nil, nil),
	} {
		name := suite.NewName() + ".zst"
		s.Put(t, name, body)
		s.RequireObject(t, name, body)
	}
}
