package rs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// BenchmarkWhereToCompress stores 10 MiB of a log in six shards, and compresses in one place or another.
// It reports how many bytes all shards have on the disks, and how many an API service sends to data
// services. The time is that of both, on one processor.
func BenchmarkWhereToCompress(b *testing.B) {
	object, packer := lines(10<<20), newPacker(b)
	for _, way := range []struct {
		name  string
		store func(object []byte) (disk, network [Shards][]byte)
	}{
		{"not", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(object, packer.c.Protect)
			return files, files
		}},
		{"after/shard/data-service/gzip", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(object, packer.c.Protect)
			return each(files, packer.gzip), files
		}},
		{"after/shard/data-service/zstd", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(object, packer.c.Protect)
			return each(files, packer.zstd), files
		}},
		{"after/block/API-service/zstd", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(object, packer.c.Protect)
			files = each(files, packer.blocks)
			return files, files
		}},
		{"before/object/API-service/gzip", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(packer.gzip(object), packer.c.Protect)
			return files, files
		}},
		{"before/object/API-service/zstd", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(packer.zstd(object), packer.c.Protect)
			return files, files
		}},
		{"before/stripe/API-service/zstd", func(object []byte) (disk, network [Shards][]byte) {
			files := packer.code(object, packer.c.Encode)
			return files, files
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(int64(len(object)))
			var disk, network [Shards][]byte
			for b.Loop() {
				disk, network = way.store(object)
			}
			b.ReportMetric(mebibytes(disk), "MiB-disk")
			b.ReportMetric(mebibytes(network), "MiB-network")
		})
	}
}

// lines returns a log, as that which tests/suite puts.
func lines(size int) []byte {
	var b bytes.Buffer
	source := rand.New(rand.NewPCG(7, 7))
	for b.Len() < size {
		fmt.Fprintf(&b, `{"level":"info","request":"GET","path":"/objects/%08x","status":%d,"bytes":%d}`+"\n",
			source.Uint32(), 200+source.IntN(8), source.IntN(10_000))
	}
	return b.Bytes()[:size]
}

func mebibytes(files [Shards][]byte) (sum float64) {
	for _, file := range files {
		sum += float64(len(file)) / (1 << 20)
	}
	return sum
}

func each(files [Shards][]byte, pack func(file []byte) []byte) (packed [Shards][]byte) {
	for i, file := range files {
		packed[i] = pack(file)
	}
	return packed
}

// packer has an encoder of each kind, at the level that is usual where it is used.
type packer struct {
	b       *testing.B
	c       *Coder
	deflate *gzip.Writer
	whole   *zstd.Encoder
}

func newPacker(b *testing.B) *packer {
	whole, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	require.NoError(b, err)
	return &packer{b, newCoder(b), gzip.NewWriter(nil), whole}
}

// code cuts an object into shards, without headers. It encodes stripes with encode.
func (p *packer) code(object []byte, encode func(s *Stripe) error) (files [Shards][]byte) {
	o := objectOf(object)
	s := NewStripe(o)
	for n := range o.Stripes() {
		s.Reset(n)
		copy(s.Data(), object[n*StripeSize:])
		require.NoError(p.b, encode(s))
		appendStripe(&files, s)
	}
	return files
}

func (p *packer) gzip(file []byte) []byte {
	var packed bytes.Buffer
	p.deflate.Reset(&packed)
	_, err := p.deflate.Write(file)
	require.NoError(p.b, err)
	require.NoError(p.b, p.deflate.Close())
	return packed.Bytes()
}

func (p *packer) zstd(file []byte) []byte { return p.whole.EncodeAll(file, nil) }

// blocks compresses the blocks of a shard one by one, so that each can be read alone.
func (p *packer) blocks(file []byte) (packed []byte) {
	for block := range slices.Chunk(file, BlockSize+ChecksumSize) {
		packed = p.c.compress.EncodeAll(block, packed)
	}
	return packed
}
