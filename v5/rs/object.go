package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ErrHeader is wrapped by the error for bytes that are no header of a shard file that this package
// can read: of something else, of another version, or rotten.
var ErrHeader = errors.New("no header of a shard file")

// ErrRotten is wrapped by the error for a block that is not what was once stored in that place.
var ErrRotten = errors.New("rotten block")

const (
	magic   = "gors"
	version = 2
)

// Object is what the headers of an object's shard files say. It is immutable and comparable: two are
// equal if size and hash are. Its shard numbers are from 0 to Shards-1.
type Object struct {
	Layout
	hash [sha256.Size]byte
	sums [Shards]uint32 // the checksums of the headers
}

// NewObject returns the object of that many bytes with that SHA-256.
func NewObject(size int64, hash [sha256.Size]byte) Object {
	o := Object{Layout: NewLayout(size), hash: hash}
	buffer := make([]byte, 0, HeaderSize)
	for shard := range o.sums {
		o.sums[shard] = checksum(0, o.appendFields(buffer, shard))
	}
	return o
}

// Hash returns the SHA-256 of the object.
func (o Object) Hash() [sha256.Size]byte { return o.hash }

// Header returns the HeaderSize bytes that a shard file begins with.
func (o Object) Header(shard int) []byte {
	b := o.appendFields(make([]byte, 0, HeaderSize), shard)
	return binary.BigEndian.AppendUint32(b, o.sums[shard])
}

// appendFields appends the header up to its checksum.
func (o *Object) appendFields(b []byte, shard int) []byte {
	b = append(b, magic...)
	b = append(b, version, byte(shard), DataShards, ParityShards)
	b = binary.BigEndian.AppendUint32(b, BlockSize)
	b = binary.BigEndian.AppendUint64(b, uint64(o.size))
	return append(b, o.hash[:]...)
}

// ParseHeader reads what Header returns, and nothing else. The error wraps ErrHeader.
func ParseHeader(b []byte) (o Object, shard int, err error) {
	if len(b) != HeaderSize || string(b[:4]) != magic {
		return o, 0, fmt.Errorf("%w: not %d bytes that begin with %q", ErrHeader, HeaderSize, magic)
	}
	if b[4] != version {
		return o, 0, fmt.Errorf("%w of version %d: it has version %d", ErrHeader, version, b[4])
	}
	shard = int(b[5])
	if shard >= Shards {
		return o, 0, fmt.Errorf("%w: shard %d", ErrHeader, shard)
	}
	o = NewObject(int64(binary.BigEndian.Uint64(b[12:])), [sha256.Size]byte(b[20:]))
	if !bytes.Equal(b, o.Header(shard)) { // a size of 2^63 or more is not the same again either
		return Object{}, 0, fmt.Errorf("%w: it is rotten", ErrHeader)
	}
	return o, shard, nil
}

// Verify says whether stored, a block and its checksum, is what belongs into a stripe of a shard. The
// error wraps ErrRotten. Nothing but stored has to be at hand, so a data service can ask too.
func (o Object) Verify(shard int, stripe int64, stored []byte) error {
	n := o.BlockLen(stripe)
	if len(stored) != n+ChecksumSize || binary.BigEndian.Uint32(stored[n:]) != o.sum(shard, stripe, stored[:n]) {
		return fmt.Errorf("%w: shard %d, stripe %d", ErrRotten, shard, stripe)
	}
	return nil
}

// sum returns the checksum of a block. Where it begins depends on the block's place, so that it tells
// a block in the wrong place as well.
func (o *Object) sum(shard int, stripe int64, block []byte) uint32 {
	return checksum(o.sums[shard]+uint32(stripe), block)
}

// checksum goes on from the CRC-32C of what came before.
func checksum(before uint32, b []byte) uint32 {
	return crc32.Update(before, crc32.MakeTable(crc32.Castagnoli), b)
}
