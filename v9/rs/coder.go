package rs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/reedsolomon"
)

// ErrTooFewShards is wrapped by the error for a stripe with fewer than DataShards intact blocks.
var ErrTooFewShards = errors.New("too few shards")

// ErrForeign is wrapped by the error for a stripe whose blocks are intact, but not all of one encoding,
// or not what an encoder wrote.
var ErrForeign = errors.New("blocks of different stripes")

// Coder encodes and decodes stripes. Its methods may be called by several goroutines at once, each
// with a stripe of its own.
type Coder struct {
	code     reedsolomon.Encoder
	compress *zstd.Encoder
	extract  *zstd.Decoder
}

// NewCoder returns a coder. A process needs one.
func NewCoder() (*Coder, error) {
	// A stripe is coded in less time than it takes to start another goroutine.
	code, err := reedsolomon.New(DataShards, ParityShards, reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, fmt.Errorf("reed-solomon %d+%d: %w", DataShards, ParityShards, err)
	}
	// The level is the fastest, so that the disks and the network are what a PUT waits for. Frames carry
	// no checksum, since the table has one.
	compress, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithWindowSize(StripeSize))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	extract, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxWindow(StripeSize))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &Coder{code, compress, extract}, nil
}

// Encode compresses a stripe whose Data is filled, if that is worthwhile, and computes the parity and all
// checksums.
func (c *Coder) Encode(s *Stripe) error {
	if c.sample(s) {
		packed := c.compress.EncodeAll(s.Data(), s.pack()[:0])
		if worthwhile(len(packed), len(s.Data())) {
			s.divide(entry{length: len(packed)})
		}
	}
	clear(s.blocks[0][s.entry.length : DataShards*len(s.blocks[0])]) // the padding
	return c.Protect(s)
}

// sample reports whether 16 KiB from four places of a long stripe are worth compressing: to compress all of it in
// vain would take a tenth of the processor time of a PUT. (Btrfs samples too.)
func (c *Coder) sample(s *Stripe) bool {
	const pieces, size = 4, 4 << 10
	data := s.Data()
	if len(data) < 4*pieces*size {
		return true
	}
	memory := s.pack()
	sample := memory[len(memory)-pieces*size:]
	for i := range pieces {
		copy(sample[i*size:][:size], data[i*len(data)/pieces:])
	}
	return worthwhile(len(c.compress.EncodeAll(sample, memory[:0])), len(sample))
}

// Protect computes the parity and all checksums of a stripe whose data blocks are right, as they are after
// ReconstructData.
func (c *Coder) Protect(s *Stripe) error {
	s.entry.sum = s.object.strong(s.number, s.encoded())
	if err := c.code.Encode(s.blocks[:]); err != nil {
		return fmt.Errorf("encode stripe %d: %w", s.number, err)
	}
	for i, block := range s.blocks {
		binary.BigEndian.PutUint32(s.sums[i][:], s.object.sum(i, s.number, block))
	}
	return nil
}

// ReconstructData computes the data blocks that are not intact from any four that are, and Data from
// them. The error wraps ErrTooFewShards or ErrForeign; Data is undefined then.
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
	return c.unpack(s)
}

// unpack decompresses a stripe. It writes no more than the stripe's length, whatever the frame says.
func (c *Coder) unpack(s *Stripe) error {
	if s.object.strong(s.number, s.encoded()) != s.entry.sum {
		return fmt.Errorf("%w: stripe %d has another checksum", ErrForeign, s.number)
	}
	if s.entry.raw {
		return nil
	}
	want := len(s.Data())
	plain, err := c.extract.DecodeAll(s.encoded(), s.memory[:0:want])
	if err == nil && len(plain) < want {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%w: stripe %d: %w", ErrForeign, s.number, err)
	}
	return nil
}
