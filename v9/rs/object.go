package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/zeebo/xxh3"
)

// ErrHeader is wrapped by the error for bytes that are not the header of a shard file that this package
// can read: of another file type, of another version, or corrupt.
var ErrHeader = errors.New("not the header of a shard file")

// ErrVersion is wrapped by the error for the intact header of another version, beside ErrHeader.
var ErrVersion = errors.New("another version")

// ErrCorrupt is wrapped by the error for a block or a table that is not the one once stored in that
// place.
var ErrCorrupt = errors.New("corrupt block")

const (
	magic   = "gors"
	version = 4
)

// Object is what the headers of an object's shard files say. It is immutable and comparable: two are
// equal if their sizes and hashes are. Shard numbers are from 0 to Shards-1.
type Object struct {
	Layout
	hash [sha256.Size]byte
	sums [Shards]uint32 // the checksums of the headers
}

// NewObject returns the object of that many bytes with that SHA-256.
func NewObject(size int64, hash [sha256.Size]byte) Object {
	o := Object{Layout: NewLayout(size), hash: hash}
	for shard := range o.sums {
		o.sums[shard] = checksum(0, o.fields(shard))
	}
	return o
}

// Hash returns the SHA-256 of the object.
func (o Object) Hash() [sha256.Size]byte { return o.hash }

// Header returns the HeaderSize bytes that a shard file begins with.
func (o Object) Header(shard int) []byte {
	return binary.BigEndian.AppendUint32(o.fields(shard), o.sums[shard])
}

// fields returns the header up to its checksum.
func (o Object) fields(shard int) []byte {
	b := append([]byte(magic), version, byte(shard), DataShards, ParityShards)
	b = binary.BigEndian.AppendUint32(b, BlockSize)
	b = binary.BigEndian.AppendUint64(b, uint64(o.size))
	return append(b, o.hash[:]...)
}

// ParseHeader reads what Header returns, and nothing else. The error wraps ErrHeader.
func ParseHeader(b []byte) (o Object, shard int, err error) {
	if len(b) != HeaderSize || string(b[:4]) != magic {
		return o, 0, fmt.Errorf("%w: not %d bytes that begin with %q", ErrHeader, HeaderSize, magic)
	}
	if end := HeaderSize - ChecksumSize; b[4] != version && checksum(0, b[:end]) == binary.BigEndian.Uint32(b[end:]) {
		return o, 0, fmt.Errorf("%w of version %d: %w, %d", ErrHeader, version, ErrVersion, b[4])
	}
	shard = int(b[5])
	if shard >= Shards {
		return o, 0, fmt.Errorf("%w: shard %d", ErrHeader, shard)
	}
	o = NewObject(int64(binary.BigEndian.Uint64(b[12:])), [sha256.Size]byte(b[20:]))
	if !bytes.Equal(b, o.Header(shard)) { // a size of 2^63 or more comes back different too
		return Object{}, 0, fmt.Errorf("%w: it is corrupt", ErrHeader)
	}
	return o, shard, nil
}

// Verify reports whether a block of a stripe has its checksum. The error wraps ErrCorrupt.
func (o Object) Verify(shard int, stripe int64, block, sum []byte) error {
	if binary.BigEndian.Uint32(sum) != o.sum(shard, stripe, block) {
		return fmt.Errorf("%w: shard %d, stripe %d", ErrCorrupt, shard, stripe)
	}
	return nil
}

// sum returns the checksum of a block. It is seeded with the block's place, so that a block in the wrong
// place is corrupt too.
func (o Object) sum(shard int, stripe int64, block []byte) uint32 {
	return checksum(o.sums[shard]+uint32(stripe), block)
}

// strong returns the XXH3 of an encoded stripe, 64 bits, with the object's hash and the stripe's number as seed. It
// stands alone: a GET of a large object relies on it, and the SHA-256 of the whole is not computed again. It is no
// defence against somebody who writes four shards to match it.
func (o Object) strong(stripe int64, encoded []byte) uint64 {
	return xxh3.HashSeed(encoded, binary.BigEndian.Uint64(o.hash[:])^uint64(stripe))
}

// checksum continues the CRC-32C of what came before.
func checksum(before uint32, b []byte) uint32 {
	return crc32.Update(before, crc32.MakeTable(crc32.Castagnoli), b)
}
