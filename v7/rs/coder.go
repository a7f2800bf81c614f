package rs

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/reedsolomon"
)

// ErrTooFewShards is wrapped by the error for a stripe with fewer than DataShards intact blocks.
var ErrTooFewShards = errors.New("too few shards")

// Coder encodes and decodes stripes. Its methods may be called by several goroutines at once, each
// with a stripe of its own.
type Coder struct {
	code reedsolomon.Encoder
}

// NewCoder returns a coder. A process needs one.
func NewCoder() (*Coder, error) {
	// A stripe is coded in less time than it takes to start another goroutine.
	code, err := reedsolomon.New(DataShards, ParityShards, reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, fmt.Errorf("reed-solomon %d+%d: %w", DataShards, ParityShards, err)
	}
	return &Coder{code}, nil
}

// Encode computes the parity and all checksums of a stripe whose Data is filled.
func (c *Coder) Encode(s *Stripe) error {
	clear(s.memory[len(s.Data()) : DataShards*len(s.blocks[0])]) // the padding
	if err := c.code.Encode(s.blocks[:]); err != nil {
		return fmt.Errorf("encode stripe %d: %w", s.number, err)
	}
	for i, block := range s.blocks {
		binary.BigEndian.PutUint32(s.sums[i][:], s.object.sum(i, s.number, block))
	}
	return nil
}

// ReconstructData computes the data blocks that are not intact from any four that are. The error wraps
// ErrTooFewShards; Data is undefined then.
func (c *Coder) ReconstructData(s *Stripe) error {
	blocks, intact := s.blocks, 0
	for i := range blocks {
		if s.intact[i] {
			intact++
		} else {
			blocks[i] = blocks[i][:0] // how the library is told that it is missing
		}
	}
	if intact < DataShards {
		return fmt.Errorf("%w: %d intact blocks in stripe %d", ErrTooFewShards, intact, s.number)
	}
	if err := c.code.ReconstructData(blocks[:]); err != nil {
		return fmt.Errorf("decode stripe %d: %w", s.number, err)
	}
	return nil
}
