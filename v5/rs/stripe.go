package rs

import "encoding/binary"

// stride is from one block to the next in a Stripe's memory: room for a block and its checksum, and
// every block begins at a multiple of 64 bytes, as vector instructions like it.
func stride(blockLen int) int { return (blockLen + ChecksumSize + 63) / 64 * 64 }

// Stripe is the memory for one stripe of an object at a time: 6 blocks, as long as the object's. It is meant to be used
// again and again (see sync.Pool); Reset begins the next.
//
// Each block has its checksum right behind it, so that a shard takes one write or read a stripe. The
// object's bytes therefore lie in four pieces, see Data: of the seven streams that meet here it is the
// one that is best cut.
//
// Different shards may be filled and verified by different goroutines at once; nothing else may.
type Stripe struct {
	object Object
	number int64
	blocks [Shards][]byte // with room for the checksum behind the length
	good   [Shards]bool   // Verify found it right
	given  [Shards][]byte // for the decoder: the good blocks, and empty ones for it to fill
	memory []byte
}

// NewStripe returns a stripe, which needs Reset before anything else.
func NewStripe() *Stripe { return &Stripe{} }

// Reset makes s the given stripe of o, with no block known but the empty ones. It takes more memory if s has
// never been of an object with blocks so long.
func (s *Stripe) Reset(o Object, stripe int64) {
	s.object, s.number, s.good = o, stripe, [Shards]bool{}
	n := o.BlockLen(stripe)
	step := stride(n)
	if len(s.memory) < Shards*step {
		s.memory = make([]byte, Shards*step)
	}
	for i := range s.blocks {
		room := s.memory[i*step : (i+1)*step : (i+1)*step]
		s.blocks[i] = room[:n]
		if o.Empty(i, stripe) {
			clear(s.blocks[i])
			s.good[i] = true
		}
	}
}

// Len returns how many bytes of the object are in s.
func (s *Stripe) Len() int { return s.object.StripeLen(s.number) }

// Last tells whether no stripe of the object comes after s.
func (s *Stripe) Last() bool { return s.number == s.object.Stripes()-1 }

// Shard returns the memory of what shard i stores of s, the block and its checksum: the bytes to
// append to the shard file after Encode or Reconstruct, or to read from it before Verify.
func (s *Stripe) Shard(i int) []byte {
	return s.blocks[i][:len(s.blocks[i])+ChecksumSize]
}

// Data returns the memory of the bytes from up to to of s, 0 ≤ from ≤ to ≤ Len, in order: pieces to
// read the object into before Encode, or to write it from when the data blocks are there. A piece
// may be empty.
func (s *Stripe) Data(from, to int) (pieces [DataShards][]byte) {
	to = min(to, s.Len())
	for i := range pieces {
		block := s.blocks[i]
		before := i * len(block)
		pieces[i] = block[clamp(from-before, len(block)):clamp(to-before, len(block))]
	}
	return pieces
}

func clamp(n, limit int) int { return min(max(n, 0), limit) }

// Verify says whether what was read into Shard(i) is right, and only then is it used by the decoder.
// The error wraps ErrRotten.
func (s *Stripe) Verify(i int) error {
	err := s.object.Verify(i, s.number, s.Shard(i))
	s.good[i] = err == nil
	return err
}

// seal writes the checksum behind block i.
func (s *Stripe) seal(i int) {
	binary.BigEndian.PutUint32(s.Shard(i)[len(s.blocks[i]):], s.object.sum(i, s.number, s.blocks[i]))
}

// pad clears what the data blocks have beyond the object's bytes.
func (s *Stripe) pad() {
	for i, piece := range s.Data(0, s.Len()) {
		clear(s.blocks[i][len(piece):])
	}
}
