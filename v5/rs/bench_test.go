package rs

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/klauspost/reedsolomon"
	"github.com/stretchr/testify/require"
)

// Every figure is in bytes of the object, so that they can be set side by side.

func BenchmarkEncode(b *testing.B) {
	overSizes(b, func(b *testing.B, c *Coder, s *Stripe) {
		for b.Loop() {
			require.NoError(b, c.Encode(s))
		}
	})
}

// As a GET does it that finds all four data blocks.
func BenchmarkVerify(b *testing.B) {
	overSizes(b, func(b *testing.B, c *Coder, s *Stripe) {
		for b.Loop() {
			decode(b, c, s, 0)
		}
	})
}

// As a GET does it with two data blocks gone.
func BenchmarkVerifyAndDecode(b *testing.B) {
	overSizes(b, func(b *testing.B, c *Coder, s *Stripe) {
		for b.Loop() {
			decode(b, c, s, 2)
		}
	})
}

// As a repair does it of one data and one parity shard.
func BenchmarkVerifyAndRepair(b *testing.B) {
	overSizes(b, func(b *testing.B, c *Coder, s *Stripe) {
		for b.Loop() {
			s.Reset(s.object, s.number)
			for i := range DataShards {
				_ = again(s, i+1) // Reconstruct tells
			}
			require.NoError(b, c.Reconstruct(s))
		}
	})
}

func decode(b *testing.B, c *Coder, s *Stripe, lost int) {
	s.Reset(s.object, s.number)
	for i := range DataShards {
		_ = again(s, i+lost) // ReconstructData tells
	}
	require.NoError(b, c.ReconstructData(s))
}

func BenchmarkNewObject(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewObject(4096, [32]byte{})
	}
}

// What the parts cost by themselves: parity alone with one goroutine and with the default, six
// checksums, and the SHA-256 that goes with every PUT and GET.
func BenchmarkParts(b *testing.B) {
	overSizes(b, func(b *testing.B, c *Coder, s *Stripe) {
		many, err := reedsolomon.New(DataShards, ParityShards)
		require.NoError(b, err)
		length := len(s.blocks[0])
		for name, part := range map[string]func(){
			"parity":         func() { _ = c.code.Encode(s.blocks[:]) },
			"parity-default": func() { _ = many.Encode(s.blocks[:]) },
			"crc32c":         func() { checksum(0, s.memory[:6*length]) },
			"crc32-ieee":     func() { crc32.ChecksumIEEE(s.memory[:6*length]) },
			"sha256":         func() { sha256.Sum256(s.memory[:4*length]) },
		} {
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(s.Len()))
				for b.Loop() {
					part()
				}
			})
		}
	})
}

// overSizes runs a benchmark on an encoded stripe of each size.
func overSizes(b *testing.B, run func(b *testing.B, c *Coder, s *Stripe)) {
	for _, size := range []int{4 << 10, StripeSize} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			c, s, content := newCoder(b), NewStripe(), random(size)
			fill(s, objectOf(content), 0, content)
			require.NoError(b, c.Encode(s))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			run(b, c, s)
		})
	}
}
