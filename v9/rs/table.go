package rs

import (
	"encoding/binary"
	"fmt"

	"gostore/common/hash"
)

const (
	entrySize = 12      // bytes of a stripe in the table
	rawBit    = 1 << 31 // of an entry: the stripe is not compressed
)

// entry says how a stripe is encoded.
type entry struct {
	length int    // of the encoded stripe, in bytes
	raw    bool   // it is the object's bytes, otherwise a zstd frame of them
	sum    uint64 // its strong checksum; see Object.strong
}

// blockLen returns the length of each of the six blocks.
func (e entry) blockLen() int { return blockLen(e.length) }

// Table says how the stripes of an object are encoded, from the first one on. It is complete when it has
// all of them. The tables of an object's six shards are equal, but for their checksums.
type Table struct {
	object  Object
	entries []entry
}

// NewTable returns a table without stripes.
func NewTable(o Object) *Table { return &Table{object: o} }

// Add adds the next stripe, after Encode.
func (t *Table) Add(s *Stripe) { t.entries = append(t.entries, s.entry) }

// Stripes returns how many there are in the table.
func (t *Table) Stripes() int64 { return int64(len(t.entries)) }

// Complete reports whether the table has all stripes of the object.
func (t *Table) Complete() bool { return t.Stripes() == t.object.Stripes() }

// Offset returns where in each shard file a stripe begins, or where the last one ends, in bytes.
func (t *Table) Offset(stripe int64) int64 {
	offset := int64(HeaderSize)
	for _, e := range t.entries[:stripe] {
		offset += int64(e.blockLen()) + ChecksumSize
	}
	return offset
}

// BlockLen returns the length of the blocks of a stripe.
func (t *Table) BlockLen(stripe int64) int { return t.entries[stripe].blockLen() }

// ShardSize returns the size in bytes of each shard file, or what there is of it before the table is complete.
func (t *Table) ShardSize() int64 {
	size := t.Offset(t.Stripes())
	if t.Complete() {
		size += t.object.TableSize()
	}
	return size
}

// Bytes returns the entries as they are stored.
func (t *Table) Bytes() (b []byte) {
	for _, e := range t.entries {
		length := uint32(e.length)
		if e.raw {
			length |= rawBit
		}
		b = binary.BigEndian.AppendUint32(b, length)
		b = binary.BigEndian.AppendUint64(b, e.sum)
	}
	return b
}

// Stored returns the TableSize bytes that a shard file ends with.
func (t *Table) Stored(shard int) []byte {
	b := t.Bytes()
	return binary.BigEndian.AppendUint32(b, t.object.sum(shard, t.object.Stripes(), b))
}

// Encoding returns the hash of the table, which identifies the encoding: only blocks of one encoding can
// be decoded together.
func (t *Table) Encoding() hash.Hash { return hash.Of(t.Bytes()) }

// ParseTable reads what Stored returns. The error wraps ErrCorrupt.
func ParseTable(o Object, shard int, b []byte) (*Table, error) {
	entries := b[:max(len(b)-ChecksumSize, 0)]
	if int64(len(b)) != o.TableSize() || binary.BigEndian.Uint32(b[len(entries):]) != o.sum(shard, o.Stripes(), entries) {
		return nil, fmt.Errorf("%w: table of shard %d", ErrCorrupt, shard)
	}
	return ParseEntries(o, entries)
}

// ParseEntries reads what Bytes returns. The error wraps ErrCorrupt.
func ParseEntries(o Object, b []byte) (*Table, error) {
	t := NewTable(o)
	for ; len(b) >= entrySize && int64(len(t.entries)) < o.Stripes(); b = b[entrySize:] {
		length := binary.BigEndian.Uint32(b)
		e := entry{int(length &^ rawBit), length&rawBit != 0, binary.BigEndian.Uint64(b[4:])}
		plain := o.StripeLen(int64(len(t.entries)))
		if e.length == 0 || e.raw && e.length != plain || !e.raw && !worthwhile(e.length, plain) {
			return nil, fmt.Errorf("%w: %d bytes of stripe %d in the table", ErrCorrupt, e.length, len(t.entries))
		}
		t.entries = append(t.entries, e)
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: the table has more than the object", ErrCorrupt)
	}
	return t, nil
}

// worthwhile reports whether a stripe is stored compressed: if that saves an eighth. (ZFS has the same
// rule.) Otherwise it costs more to decompress it than to read it.
func worthwhile(packed, plain int) bool { return 8*packed < 7*plain }
