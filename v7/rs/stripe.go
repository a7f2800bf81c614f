package rs

import (
	"encoding/binary"
	"fmt"
)

// Stripe is the memory for one stripe of an object at a time: six blocks and their checksums. Reset
// begins the next stripe. One goroutine at a time may use it, except that several may each fill, verify
// or read a block of their own.
type Stripe struct {
	object Object
	number int64
	memory []byte // of the blocks, one after the other, so that the object's bytes are in one piece
	blocks [Shards][]byte
	sums   [Shards][ChecksumSize]byte
	intact [Shards]bool // verified, or computed
}

// NewStripe returns a stripe with memory for any stripe of o. It needs Reset before anything else.
func NewStripe(o Object) *Stripe {
	s := &Stripe{object: o}
	if o.Stripes() > 0 {
		s.memory = make([]byte, Shards*o.BlockLen(0))
	}
	return s
}

// Reset makes s stripe n of the object, with no block known.
func (s *Stripe) Reset(n int64) {
	s.number, s.intact = n, [Shards]bool{}
	length := s.object.BlockLen(n)
	for i := range s.blocks {
		s.blocks[i] = s.memory[i*length : (i+1)*length]
	}
}

// Data returns the memory of the object's bytes in s: to be filled before Encode, or to be read after
// ReconstructData.
func (s *Stripe) Data() []byte { return s.memory[:s.object.StripeLen(s.number)] }

// Stored returns the memory of what shard i stores of s, a block and its checksum: to be filled before
// Verify, or to be read after Encode.
func (s *Stripe) Stored(i int) (block, sum []byte) { return s.blocks[i], s.sums[i][:] }

// Verify reports whether block i has its checksum; only then ReconstructData uses it. The error wraps
// ErrCorrupt.
func (s *Stripe) Verify(i int) error {
	if binary.BigEndian.Uint32(s.sums[i][:]) != s.object.sum(i, s.number, s.blocks[i]) {
		return fmt.Errorf("%w: shard %d, stripe %d", ErrCorrupt, i, s.number)
	}
	s.intact[i] = true
	return nil
}
