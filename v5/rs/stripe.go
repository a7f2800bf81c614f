package rs

import "encoding/binary"

// Stripe is the memory for one stripe of an object at a time: 6 blocks, as long as the object's. It is meant to be used
// again and again (see sync.Pool); Reset begins the next.
//
// The blocks lie one behind the other, so the object's bytes are in one piece, which is read from a client, hashed and
// written to a client at once: with fewer system calls and wake-ups than for a block each. A stripe is for one goroutine
// at a time, but several may have its Shards and Data at once and look at them.
type Stripe struct {
	object Object
	number int64
	blocks [Shards][]byte
	sums   [Shards][ChecksumSize]byte
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
	if len(s.memory) < Shards*n+ChecksumSize { // see Read
		s.memory = make([]byte, Shards*n+ChecksumSize)
	}
	for i := range s.blocks {
		s.blocks[i] = s.memory[i*n : (i+1)*n : (i+1)*n]
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

// Shard returns what shard i stores of s after Encode or Reconstruct, in memory of s: a block and its checksum.
func (s *Stripe) Shard(i int) [][]byte {
	return [][]byte{s.blocks[i], s.sums[i][:]}
}

// Data returns the memory of the object's bytes in s, to read them into before Encode, or to write them from when the
// data blocks are there.
func (s *Stripe) Data() []byte { return s.memory[:s.Len()] }

// Read has fill put what shard i stores of s, a block and its checksum, into memory of s. The decoder uses it if it is
// right. An error is fill's, or wraps ErrRotten.
//
// To fill it takes one system call, since it is one piece: the checksum comes to lie where the next block begins, and
// that is put back.
func (s *Stripe) Read(i int, fill func(stored []byte) error) error {
	n := len(s.blocks[i])
	stored := s.memory[i*n:][:n+ChecksumSize]
	next := [ChecksumSize]byte(stored[n:])
	err := fill(stored)
	if err == nil {
		err = s.object.Verify(i, s.number, stored)
	}
	copy(s.sums[i][:], stored[n:])
	copy(stored[n:], next[:])
	s.good[i] = err == nil
	return err
}

// seal makes the checksum of block i.
func (s *Stripe) seal(i int) {
	binary.BigEndian.PutUint32(s.sums[i][:], s.object.sum(i, s.number, s.blocks[i]))
}

// pad clears what the data blocks have beyond the object's bytes.
func (s *Stripe) pad() {
	clear(s.memory[s.Len() : DataShards*len(s.blocks[0])])
}
