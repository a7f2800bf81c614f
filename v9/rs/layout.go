package rs

// The code: any DataShards of the Shards shards of an object give it back.
const (
	DataShards   = 4
	ParityShards = 2
	Shards       = DataShards + ParityShards
)

// Sizes in bytes. They are part of the format: another BlockSize is another version. Smaller blocks cost
// more processor time for each byte, larger ones more memory.
const (
	BlockSize    = 128 << 10              // of each block, except in the last stripe
	StripeSize   = DataShards * BlockSize // of the object in a stripe, except in the last
	MinBlock     = 4 << 10                // a short stripe has fewer data blocks instead of shorter ones
	HeaderSize   = 56                     // of a shard file's header
	ChecksumSize = 4                      // after each block
)

// Layout says how an object of some size is cut into stripes. Stripes count from 0; methods that take one
// expect it to be below Stripes.
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

// MaxBlockLen returns the length in bytes of each of the six blocks of a stripe that is stored raw. Zeros fill the
// data blocks beyond StripeLen.
func (l Layout) MaxBlockLen(stripe int64) int { return blockLen(l.StripeLen(stripe)) }

// blockLen is a quarter, rounded up, but at least MinBlock or all: what is read with one request for each block is
// read with fewer, and a file takes a page of 4 KiB on the disk anyway.
func blockLen(stripe int) int { return max((stripe+DataShards-1)/DataShards, min(stripe, MinBlock)) }

// dataBlocks returns how many data blocks have more than zeros.
func dataBlocks(stripe int) int { return (stripe + blockLen(stripe) - 1) / blockLen(stripe) }

// Reads reports whether a shard is needed for an object of one stripe. Parity is if a data shard is missing.
func (l Layout) Reads(shard int) bool {
	return l.Stripes() != 1 || shard >= DataShards || shard < dataBlocks(l.StripeLen(0))
}

// TableSize returns the size in bytes of the table at the end of each shard file.
func (l Layout) TableSize() int64 { return l.Stripes()*entrySize + ChecksumSize }

// MaxShardSize returns the size in bytes of each shard file if all stripes are stored raw.
func (l Layout) MaxShardSize() int64 {
	if l.size == 0 {
		return HeaderSize + l.TableSize()
	}
	last := l.Stripes() - 1
	return HeaderSize + last*(BlockSize+ChecksumSize) + int64(l.MaxBlockLen(last)) + ChecksumSize + l.TableSize()
}
