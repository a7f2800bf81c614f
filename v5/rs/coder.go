package rs

import (
	"errors"
	"fmt"

	"github.com/klauspost/reedsolomon"
)

// ErrTooFewShards is wrapped by the error for a stripe with fewer than DataShards good blocks.
var ErrTooFewShards = errors.New("too few shards")

// Coder encodes and decodes stripes. Its methods may be called by several goroutines at once, each
// with a stripe of its own.
type Coder struct {
	code reedsolomon.Encoder
}

// NewCoder returns a coder. One is enough for a process.
func NewCoder() (*Coder, error) {
	// A stripe is coded in less time than it takes to wake another goroutine.
	code, err := reedsolomon.New(DataShards, ParityShards, reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, fmt.Errorf("reed-solomon %d+%d: %w", DataShards, ParityShards, err)
	}
	return &Coder{code}, nil
}

// Encode makes the parity and all checksums of a stripe whose Data is filled. Every Shard of it can
// be written then.
func (c *Coder) Encode(s *Stripe) error {
	s.pad()
	if err := c.code.Encode(s.blocks[:]); err != nil {
		return fmt.Errorf("encode stripe %d: %w", s.number, err)
	}
	for i := range s.blocks {
		s.seal(i)
	}
	return nil
}

// ReconstructData makes the data blocks that are not good, from any four good ones, so that Data can
// be written. It costs nothing if there is none. It writes where those data blocks are and nowhere else:
// whoever still reads into one must have been stopped. The error wraps ErrTooFewShards; Data is of no use then.
func (c *Coder) ReconstructData(s *Stripe) error {
	return s.reconstruct(c.code.ReconstructData)
}

// Reconstruct makes all blocks that are not good, data and parity, and their checksums, so that
// every Shard of s can be written: this is how a shard file is repaired. For the rest it is as
// ReconstructData.
func (c *Coder) Reconstruct(s *Stripe) error {
	if err := s.reconstruct(c.code.Reconstruct); err != nil {
		return err
	}
	for i, good := range s.good {
		if !good || s.object.Empty(i, s.number) {
			s.seal(i)
		}
	}
	return nil
}

// reconstruct has decode fill the blocks that are not good.
func (s *Stripe) reconstruct(decode func(blocks [][]byte) error) error {
	known := 0
	for i, block := range s.blocks {
		s.given[i] = block[:0]
		if s.good[i] {
			s.given[i] = block
			known++
		}
	}
	if known < DataShards {
		return fmt.Errorf("%w: %d good blocks in stripe %d", ErrTooFewShards, known, s.number)
	}
	if err := decode(s.given[:]); err != nil {
		return fmt.Errorf("decode stripe %d: %w", s.number, err)
	}
	return nil
}
