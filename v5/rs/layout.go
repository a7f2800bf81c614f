package rs

// The code: any DataShards of the Shards shards of an object give it back.
const (
	DataShards   = 4
	ParityShards = 2
	Shards       = DataShards + ParityShards
)

// Sizes in bytes. They are part of the format: another BlockSize is another version.
//
// Smaller blocks take more processor time for each byte that goes through the network; larger ones
// little less, but more memory: with 128 KiB, 30 PUTs at once with three stripes each hold 68 MiB. And a
// stripe can stay in a core's L2 cache from the socket to the last checksum.
const (
	BlockSize    = 128 << 10              // of object or parity in a block, except in the last stripe
	StripeSize   = DataShards * BlockSize // of the object in a stripe, except in the last
	HeaderSize   = 56                     // of a shard file's header
	ChecksumSize = 4                      // after each block
	SmallBlock   = 4 << 10                // of an object of one stripe, if it has so many bytes: no block is shorter
)

// Layout says where the bytes of an object of some size are in its shard files, which are all of one
// size. Stripes are counted from 0; methods that take one want it below Stripes.
type Layout struct {
	size int64
}

// NewLayout returns the layout of an object of that many bytes. A negative size counts as 0.
func NewLayout(size int64) Layout { return Layout{max(size, 0)} }

// Size returns the object's size in bytes.
func (l Layout) Size() int64 { return l.size }

// Stripes returns how many stripes the object has: none if it has no bytes.
func (l Layout) Stripes() int64 {
	stripes := l.size / StripeSize
	if l.size%StripeSize > 0 {
		stripes++
	}
	return stripes
}

// StripeLen returns how many bytes of the object are in a stripe.
func (l Layout) StripeLen(stripe int64) int {
	return int(min(l.size-stripe*StripeSize, StripeSize))
}

// BlockLen returns the length in bytes of each of the six blocks of a stripe. What the data blocks have
// room for beyond StripeLen is zeros.
func (l Layout) BlockLen(stripe int64) int {
	n := l.StripeLen(stripe)
	quarter := (n + DataShards - 1) / DataShards
	if l.Stripes() > 1 {
		return quarter
	}
	return max(quarter, min(n, SmallBlock))
}

// Filled returns how many data blocks of a stripe have bytes of the object. The others are zeros, so nobody
// has to read them.
func (l Layout) Filled(stripe int64) int {
	block := l.BlockLen(stripe)
	return (l.StripeLen(stripe) + block - 1) / block
}

// Empty tells whether a shard's block of a stripe is a data block that has only zeros.
func (l Layout) Empty(shard int, stripe int64) bool {
	return l.Filled(stripe) <= shard && shard < DataShards
}

// StoredLen returns how many bytes of each shard file a stripe takes: a block and its checksum.
func (l Layout) StoredLen(stripe int64) int {
	return l.BlockLen(stripe) + ChecksumSize
}

// OffsetInShard returns where in each shard file a stripe begins.
func (l Layout) OffsetInShard(stripe int64) int64 {
	return HeaderSize + stripe*(BlockSize+ChecksumSize)
}

// ShardSize returns the size in bytes of each shard file.
func (l Layout) ShardSize() int64 {
	if l.size == 0 {
		return HeaderSize
	}
	last := l.Stripes() - 1
	return l.OffsetInShard(last) + int64(l.StoredLen(last))
}

// StripeOf returns the stripe that has the object's byte at offset, and which of its bytes it is.
func (l Layout) StripeOf(offset int64) (stripe int64, within int) {
	return offset / StripeSize, int(offset % StripeSize)
}
