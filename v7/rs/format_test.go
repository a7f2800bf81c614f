package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference writes the shard files of an object as the package's doc specifies them, slowly and with
// nothing that the package itself uses.
func reference(object []byte) (files [Shards][]byte) {
	hash, size := sha256.Sum256(object), len(object)
	weights := [6][4]byte{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}, {0x1b, 0x1c, 0x12, 0x14}, {0x1c, 0x1b, 0x14, 0x12}}
	var seeds [6]uint32
	for i := range files {
		head := append([]byte{'g', 'o', 'r', 's', 2, byte(i), 4, 2, 0, 2, 0, 0}, binary.BigEndian.AppendUint64(nil, uint64(size))...)
		head = append(head, hash[:]...)
		seeds[i] = slowCRC(0, head)
		files[i] = binary.BigEndian.AppendUint32(head, seeds[i])
	}
	for stripe := uint32(0); len(object) > 0; stripe++ {
		n := min(len(object), 524288)
		length := (n + 3) / 4
		data := append(bytes.Clone(object[:n]), make([]byte, 4*length-n)...)
		object = object[n:]
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
	for _, size := range sizes() {
		object := random(size)
		want := reference(object)
		for i, file := range encode(t, object) {
			require.True(t, bytes.Equal(want[i], file), "shard %d of %d bytes", i, size)
			require.EqualValues(t, len(file), NewLayout(int64(size)).ShardSize())
		}
	}
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
	for at, value := range map[int]byte{0: 'G', 4: 1, 5: 6, 6: 5, 7: 3, 9: 1, 12: 0x80} {
		b := NewObject(13, sha256.Sum256(nil)).Header(0)
		b[at] = value
		binary.BigEndian.PutUint32(b[52:], slowCRC(0, b[:52]))
		_, _, err := ParseHeader(b)
		require.ErrorIs(t, err, ErrHeader, "byte %d", at)
		if at == 4 {
			require.ErrorContains(t, err, "it has version 1")
		}
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
		require.GreaterOrEqual(t, o.ShardSize(), int64(HeaderSize))
	})
}
