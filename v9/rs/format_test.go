package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"
)

// reference writes the shard files of an object as the package's doc specifies them, slowly and with
// nothing that the package itself uses, except XXH3, and that compress makes a zstd frame.
func reference(object []byte, compress func(b []byte) []byte) (files [Shards][]byte) {
	hash, size := sha256.Sum256(object), len(object)
	weights := [6][4]byte{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {0x1b, 0x1c, 0x12, 0x14}, {0x1c, 0x1b, 0x14, 0x12}}
	var seeds [6]uint32
	for i := range files {
		head := append([]byte{'g', 'o', 'r', 's', 4, byte(i), 4, 2, 0, 2, 0, 0}, binary.BigEndian.AppendUint64(nil, uint64(size))...)
		head = append(head, hash[:]...)
		seeds[i] = slowCRC(0, head)
		files[i] = binary.BigEndian.AppendUint32(head, seeds[i])
	}
	var table []byte
	stripe := uint32(0)
	for ; len(object) > 0; stripe++ {
		n := min(len(object), 524288)
		data, flag := compress(object[:n]), uint32(0)
		if len(data)*8 >= n*7 {
			data, flag = bytes.Clone(object[:n]), 0x80000000
		}
		object = object[n:]
		table = binary.BigEndian.AppendUint32(table, uint32(len(data))|flag)
		table = binary.BigEndian.AppendUint64(table, xxh3.HashSeed(data, binary.BigEndian.Uint64(hash[:8])^uint64(stripe)))
		length := max((len(data)+3)/4, min(len(data), 4096))
		data = append(data, make([]byte, 4*length-len(data))...)
		for i := range files {
			block := make([]byte, length)
			for k := range block {
				for d := range 4 {
					block[k] ^= slowMultiply(weights[i][d], data[d*length+k])
				}
			}
			files[i] = append(files[i], block...)
			files[i] = binary.BigEndian.AppendUint32(files[i], slowCRC(seeds[i]+stripe, block))
		}
	}
	for i := range files {
		files[i] = append(files[i], table...)
		files[i] = binary.BigEndian.AppendUint32(files[i], slowCRC(seeds[i]+stripe, table))
	}
	return files
}

func slowMultiply(a, b byte) (product byte) {
	for x := uint(a); b > 0; b >>= 1 {
		if b&1 == 1 {
			product ^= byte(x)
		}
		if x <<= 1; x > 255 {
			x ^= 0x11d
		}
	}
	return product
}

func slowCRC(crc uint32, b []byte) uint32 {
	crc = ^crc
	for _, x := range b {
		crc ^= uint32(x)
		for range 8 {
			crc = crc>>1 ^ crc&1*0x82f63b78
		}
	}
	return ^crc
}

func TestFilesAreAsTheDocSays(t *testing.T) {
	c := newCoder(t)
	compress := func(b []byte) []byte { return c.compress.EncodeAll(b, nil) }
	for _, object := range contents() {
		want := reference(object, compress)
		for i, file := range encodeWith(t, c, object) {
			require.True(t, bytes.Equal(want[i], file), "shard %d of %d bytes", i, len(object))
			require.LessOrEqual(t, int64(len(file)), NewLayout(int64(len(object))).MaxShardSize())
			table := tableOf(objectOf(object), want)
			require.EqualValues(t, len(file), table.ShardSize())
			require.True(t, table.Complete())
		}
	}
}

// TestEncoderIsTheSame has the bytes that the encoder made when this chapter was written. If it makes
// others, of a new version of the library or at another level, then equal content no longer has equal
// shards: what was stored before stays readable, but a PUT of it, while fewer than four shards answer,
// writes a second encoding beside the first, of which no reader can use both.
func TestEncoderIsTheSame(t *testing.T) {
	sum := sha256.New()
	for _, file := range encode(t, mixed(3*StripeSize+1000)) {
		sum.Write(file)
	}
	require.Equal(t, "314c27d43d075f3d33bbac4e08dc2079d629b94cf02b51b55f7eee8f46a5405f", hex.EncodeToString(sum.Sum(nil)))
}

// TestEncoderForgets encodes the same after other content, and concurrently.
func TestEncoderForgets(t *testing.T) {
	c, content := newCoder(t), mixed(2*StripeSize+100)
	want := encodeWith(t, c, content)
	var encoding sync.WaitGroup
	for n := range 8 {
		encoding.Go(func() {
			encodeWith(t, c, text(StripeSize+n))
			if got := encodeWith(t, c, content); !reflect.DeepEqual(want, got) {
				t.Error("other bytes")
			}
		})
	}
	encoding.Wait()
}

func TestParseHeader(t *testing.T) {
	for _, size := range []int64{0, 1, StripeSize, math.MaxInt64} {
		o := NewObject(size, sha256.Sum256(random(9)))
		for i := range Shards {
			back, shard, err := ParseHeader(o.Header(i))
			require.NoError(t, err)
			require.Equal(t, i, shard)
			require.Equal(t, o, back)
			require.Equal(t, o.Hash(), back.Hash())
		}
	}
}

func TestParseHeaderRefusesEveryOtherByte(t *testing.T) {
	header := NewObject(13, sha256.Sum256([]byte("hello, world\n"))).Header(3)
	for at := range header {
		for flip := 1; flip < 256; flip++ {
			b := bytes.Clone(header)
			b[at] ^= byte(flip)
			_, _, err := ParseHeader(b)
			require.ErrorIs(t, err, ErrHeader, "byte %d", at)
		}
	}
	for n := range header {
		_, _, err := ParseHeader(header[:n])
		require.ErrorIs(t, err, ErrHeader, "%d bytes", n)
	}
	_, _, err := ParseHeader(append(header, 0))
	require.ErrorIs(t, err, ErrHeader)
}

// TestParseHeaderRefusesImpossibleFields has headers whose own checksum is right.
func TestParseHeaderRefusesImpossibleFields(t *testing.T) {
	for at, value := range map[int]byte{0: 'G', 4: 2, 5: 6, 6: 5, 7: 3, 9: 1, 12: 0x80} {
		b := NewObject(13, sha256.Sum256(nil)).Header(0)
		b[at] = value
		binary.BigEndian.PutUint32(b[52:], slowCRC(0, b[:52]))
		_, _, err := ParseHeader(b)
		require.ErrorIs(t, err, ErrHeader, "byte %d", at)
		if at == 4 {
			require.ErrorIs(t, err, ErrVersion)
			require.ErrorContains(t, err, "version 4: another version, 2")
		}
	}
}

// TestParseTableRefusesEveryOtherByte has the header's and the table's checksums apart: a table of another
// shard is refused too.
func TestParseTableRefusesEveryOtherByte(t *testing.T) {
	content := mixed(2*StripeSize + 5)
	o := objectOf(content)
	stored := tableOf(o, encode(t, content)).Stored(3)
	for at := range stored {
		for flip := 1; flip < 256; flip++ {
			b := bytes.Clone(stored)
			b[at] ^= byte(flip)
			_, err := ParseTable(o, 3, b)
			require.ErrorIs(t, err, ErrCorrupt, "byte %d", at)
		}
	}
	for n := range stored {
		_, err := ParseTable(o, 3, stored[:n])
		require.ErrorIs(t, err, ErrCorrupt, "%d bytes", n)
	}
	for _, other := range []int{0, 1, 2, 4, 5} {
		_, err := ParseTable(o, other, stored)
		require.ErrorIs(t, err, ErrCorrupt, "shard %d", other)
	}
}

// TestParseEntriesRefusesImpossibleLengths has lengths that no encoder writes, and that would need more
// memory than a stripe has.
func TestParseEntriesRefusesImpossibleLengths(t *testing.T) {
	o := NewObject(StripeSize+100, [32]byte{})
	entries := func(first, second uint32) (b []byte) {
		for _, length := range []uint32{first, second} {
			b = binary.BigEndian.AppendUint32(b, length)
			b = binary.BigEndian.AppendUint64(b, 0)
		}
		return b
	}
	const raw = 1 << 31
	for _, right := range [][2]uint32{{raw | StripeSize, raw | 100}, {1, 87}, {StripeSize*7/8 - 1, 1}} {
		table, err := ParseEntries(o, entries(right[0], right[1]))
		require.NoError(t, err)
		require.Equal(t, entries(right[0], right[1]), table.Bytes())
	}
	for _, wrong := range [][2]uint32{{0, 1}, {raw, 1}, {StripeSize * 7 / 8, 1}, {raw | 100, raw | 100}, {1, 88}, {1, raw | 99}, {1<<31 - 1, 1}} {
		_, err := ParseEntries(o, entries(wrong[0], wrong[1]))
		require.ErrorIs(t, err, ErrCorrupt, wrong)
	}
	_, err := ParseEntries(o, append(entries(1, 1), entries(1, 1)...))
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = ParseEntries(o, entries(1, 1)[:13])
	require.ErrorIs(t, err, ErrCorrupt)
}

// TestBomb has a frame that would decode to more than its stripe, and one to less, under checksums that
// are right.
func TestBomb(t *testing.T) {
	c := newCoder(t)
	for _, size := range []int{StripeSize + 1, 64 << 20, StripeSize - 1} {
		content := text(StripeSize)
		o := objectOf(content)
		s, packed := dirty(o), c.compress.EncodeAll(make([]byte, size), nil)
		s.Reset(0)
		s.divide(entry{length: len(packed)})
		copy(s.encoded(), packed)
		require.NoError(t, c.Protect(s))
		for i := range Shards {
			require.NoError(t, s.Verify(i))
		}
		require.ErrorIs(t, c.ReconstructData(s), ErrForeign, size)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(NewObject(13, sha256.Sum256(nil)).Header(5), true)
	f.Add([]byte("gors"), false)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal && len(b) == HeaderSize {
			binary.BigEndian.PutUint32(b[52:], slowCRC(0, b[:52]))
		}
		o, shard, err := ParseHeader(b)
		if err != nil {
			require.ErrorIs(t, err, ErrHeader)
			return
		}
		require.Equal(t, b, o.Header(shard))
		require.GreaterOrEqual(t, o.Size(), int64(0))
		require.GreaterOrEqual(t, o.MaxShardSize(), int64(HeaderSize))
	})
}
