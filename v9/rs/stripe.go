package rs

// Stripe is the memory for one stripe of an object at a time: its bytes, and the six blocks that they
// are encoded in with their checksums. Reset or Expect begins the next stripe. One goroutine at a time
// may use it, except that several may each fill, verify or read a block of their own.
type Stripe struct {
	object Object
	number int64
	entry  entry
	memory []byte // of the object's bytes, and of the parity if they are stored raw
	packed []byte // of the blocks if they are compressed, one after the other; see pack
	blocks [Shards][]byte
	sums   [Shards][ChecksumSize]byte
	intact [Shards]bool // verified, or computed
}

// NewStripe returns a stripe with memory for any stripe of o. It needs Reset or Expect before
// anything else.
func NewStripe(o Object) *Stripe {
	s := &Stripe{}
	s.Renew(o)
	return s
}

// Renew makes s what NewStripe returns, in the memory that it has if that is enough.
func (s *Stripe) Renew(o Object) {
	s.object = o
	if o.Stripes() > 0 && len(s.memory) < Shards*o.MaxBlockLen(0) {
		s.memory, s.packed = make([]byte, Shards*o.MaxBlockLen(0)), nil
	}
}

// Reset makes s stripe n of the object, to be filled and encoded.
func (s *Stripe) Reset(n int64) { s.begin(n, entry{length: s.object.StripeLen(n), raw: true}) }

// Expect makes s stripe n of the object, encoded as the table says, with no block known but those of zeros.
func (s *Stripe) Expect(n int64, t *Table) {
	s.begin(n, t.entries[n])
	for i := dataBlocks(s.entry.length); i < DataShards; i++ {
		clear(s.blocks[i])
		s.intact[i] = true
	}
}

func (s *Stripe) begin(n int64, e entry) {
	s.number, s.intact = n, [Shards]bool{}
	s.divide(e)
}

// divide places the blocks in memory. The data blocks of a raw stripe are the object's bytes themselves.
func (s *Stripe) divide(e entry) {
	s.entry = e
	memory, length := s.memory, e.blockLen()
	if !e.raw {
		memory = s.pack()
	}
	for i := range s.blocks {
		s.blocks[i] = memory[i*length : (i+1)*length]
	}
}

// pack returns the memory for compression. It is made when the first stripe needs it: a client that has sent
// nothing yet holds half as much.
func (s *Stripe) pack() []byte {
	if s.packed == nil {
		s.packed = make([]byte, len(s.memory))
	}
	return s.packed
}

// encoded returns what the data blocks have before their padding.
func (s *Stripe) encoded() []byte { return s.blocks[0][:s.entry.length] }

// Data returns the memory of the object's bytes in s: to be filled before Encode, or to be read after
// ReconstructData.
func (s *Stripe) Data() []byte { return s.memory[:s.object.StripeLen(s.number)] }

// Stored returns the memory of what shard i stores of s, a block and its checksum: to be filled before
// Verify, without which the block does not count as intact, or to be read after Encode or Protect.
func (s *Stripe) Stored(i int) (block, sum []byte) {
	s.intact[i] = false
	return s.blocks[i], s.sums[i][:]
}

// Verify reports whether block i has its checksum; only then ReconstructData uses it. The error wraps
// ErrCorrupt.
func (s *Stripe) Verify(i int) error {
	err := s.object.Verify(i, s.number, s.blocks[i], s.sums[i][:])
	s.intact[i] = err == nil
	return err
}
