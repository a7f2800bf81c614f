package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func sizes() []int {
	return []int{0, 1, 2, 3, 4, 5, 13, 4095, 4096, 4097, 8192, 12_289, 16_384, 16_385, 100_000, StripeSize - 1, StripeSize, StripeSize + 1, 2*StripeSize + 77}
}

func random(size int) []byte {
	b := make([]byte, size)
	source := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)})
	_, _ = source.Read(b) // never fails
	return b
}

// text returns bytes that are compressed to less than half.
func text(size int) []byte {
	words := strings.Fields("stripe block shard parity table header object zstd code frame hash range")
	source := rand.New(rand.NewPCG(uint64(size), 7))
	var b []byte
	for len(b) < size {
		b = append(append(b, words[source.IntN(len(words))]...), ' ')
	}
	return b[:size]
}

// mixed returns stripes of text and of random bytes, one after the other.
func mixed(size int) (b []byte) {
	for n := 0; len(b) < size; n++ {
		length := min(size-len(b), StripeSize)
		b = append(b, [](func(int) []byte){text, random}[n%2](length)...)
	}
	return b
}

// contents returns contents of all sizes, compressed, raw and both.
func contents() (all [][]byte) {
	for _, size := range sizes() {
		all = append(all, random(size), text(size), mixed(size))
	}
	return all
}

func objectOf(content []byte) Object { return NewObject(int64(len(content)), sha256.Sum256(content)) }

func newCoder(t testing.TB) *Coder {
	c, err := NewCoder()
	require.NoError(t, err)
	return c
}

// dirty returns a stripe whose memory another object has used.
func dirty(o Object) *Stripe {
	s := NewStripe(o)
	copy(s.memory, bytes.Repeat([]byte{0xa5}, len(s.memory)))
	copy(s.pack(), bytes.Repeat([]byte{0x5a}, len(s.memory)))
	return s
}

// appendStripe appends what each shard file stores of a stripe.
func appendStripe(files *[Shards][]byte, s *Stripe) {
	for i := range files {
		block, sum := s.Stored(i)
		files[i] = append(append(files[i], block...), sum...)
	}
}

func encode(t testing.TB, content []byte) (files [Shards][]byte) {
	return encodeWith(t, newCoder(t), content)
}

func encodeWith(t testing.TB, c *Coder, content []byte) (files [Shards][]byte) {
	o := objectOf(content)
	s, table := dirty(o), NewTable(o)
	for i := range files {
		files[i] = o.Header(i)
	}
	for n := range o.Stripes() {
		s.Reset(n)
		copy(s.Data(), content[n*StripeSize:])
		require.NoError(t, c.Encode(s))
		table.Add(s)
		appendStripe(&files, s)
	}
	for i := range files {
		files[i] = append(files[i], table.Stored(i)...)
	}
	return files
}

// tableOf returns the table of the first file that has one.
func tableOf(o Object, files [Shards][]byte) *Table {
	for i, file := range files {
		if t, err := ParseTable(o, i, file[max(int64(len(file))-o.TableSize(), 0):]); err == nil {
			return t
		}
	}
	return nil
}

// readBlock has a stripe take its block of a shard file.
func readBlock(s *Stripe, table *Table, shard int, file []byte) error {
	block, sum := s.Stored(shard)
	stored := file[table.Offset(s.number):]
	copy(sum, stored[copy(block, stored):])
	return s.Verify(shard)
}

// load has s expect stripe n with the blocks that the files have of it; a short file has none.
func load(s *Stripe, n int64, files [Shards][]byte) (intact int) {
	table := tableOf(s.object, files)
	if table == nil {
		s.Reset(n)
		return 0
	}
	s.Expect(n, table)
	for i, file := range files {
		if int64(len(file)) >= table.Offset(n+1) && readBlock(s, table, i, file) == nil {
			intact++
		}
	}
	return intact
}

// decode returns the bytes of stripes from first on, up to the one that cannot be read.
func decode(c *Coder, s *Stripe, files [Shards][]byte) (content []byte, err error) {
	for n := range s.object.Stripes() {
		load(s, n, files)
		if err := c.ReconstructData(s); err != nil {
			return content, err
		}
		content = append(content, s.Data()...)
	}
	return content, nil
}

func without(files [Shards][]byte, lost uint) [Shards][]byte {
	for i := range files {
		if lost>>i&1 == 1 {
			files[i] = nil
		}
	}
	return files
}

// TestHalfReadBlockIsNotUsed has a block that is known to be zeros, until somebody begins to read it.
func TestHalfReadBlockIsNotUsed(t *testing.T) {
	c, content := newCoder(t), []byte("hello, world")
	s, files := dirty(objectOf(content)), encode(t, content)
	load(s, 0, without(files, 0b000011))
	block, _ := s.Stored(1)
	block[0] ^= 1
	require.NoError(t, c.ReconstructData(s))
	require.Equal(t, content, s.Data())
}

func TestEverySetOfLostShards(t *testing.T) {
	c := newCoder(t)
	for _, content := range contents() {
		size, o := len(content), objectOf(content)
		files, s := encode(t, content), dirty(o)
		for lost := range uint(1 << Shards) {
			got, err := decode(c, s, without(files, lost))
			missing := 0
			for shard := range Shards {
				if lost>>shard&1 == 1 && o.Reads(shard) {
					missing++
				}
			}
			if missing > ParityShards && err != nil { // a frame may need fewer
				require.ErrorIs(t, err, ErrTooFewShards)
				require.Empty(t, got)
				continue
			}
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, got), "%d bytes without %06b", size, lost)
		}
	}
}

// TestCorruptionInDifferentShards has two corrupt blocks in every stripe, each time of other shards.
func TestCorruptionInDifferentShards(t *testing.T) {
	c, content := newCoder(t), mixed(15*StripeSize+3)
	o, files := objectOf(content), encode(t, content)
	s, n, table := dirty(o), int64(0), tableOf(o, files)
	for a := range Shards {
		for b := range a {
			for _, i := range []int{a, b} {
				files[i][table.Offset(n)+rand.Int64N(table.Offset(n+1)-table.Offset(n))] ^= 1 << rand.IntN(8)
			}
			require.Equal(t, DataShards, load(s, n, files))
			n++
		}
	}
	got, err := decode(c, s, files)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
}

func clone(files [Shards][]byte) [Shards][]byte {
	for i := range files {
		files[i] = bytes.Clone(files[i])
	}
	return files
}

// TestEveryByteOfEveryTwoShards damages every byte of every two shards of a small object.
func TestEveryByteOfEveryTwoShards(t *testing.T) {
	c, content := newCoder(t), []byte("hello, world\n")
	files, s := encode(t, content), dirty(objectOf(content))
	size := len(files[0])
	for a := range Shards {
		for b := range a {
			for at := range size * size {
				damaged := clone(files)
				damaged[a][at/size] ^= 1 << (at % 8)
				damaged[b][at%size] ^= 0xff
				got, err := decode(c, s, damaged)
				require.NoError(t, err)
				require.Equal(t, content, got)
			}
		}
	}
}

func TestThreeCorruptShards(t *testing.T) {
	c, content := newCoder(t), []byte("hello, world\n")
	files, s := encode(t, content), dirty(objectOf(content))
	for three := range uint(1 << Shards) {
		if bits.OnesCount(three) != 3 {
			continue
		}
		for range 1000 {
			damaged := clone(files)
			for i := range Shards {
				damaged[i][HeaderSize+rand.IntN(8)] ^= byte(three >> i & 1 * uint(1+rand.IntN(255)))
			}
			got, err := decode(c, s, damaged)
			require.ErrorIs(t, err, ErrTooFewShards)
			require.Empty(t, got)
		}
	}
}

// TestBlockInTheWrongPlace has an object whose data blocks are all alike; each is intact in its own
// place alone.
func TestBlockInTheWrongPlace(t *testing.T) {
	content := make([]byte, 3*StripeSize)
	o, files := objectOf(content), encode(t, content)
	s, table := dirty(o), tableOf(o, files)
	for i := range Shards {
		for n := range o.Stripes() {
			for j := range Shards {
				for m := range o.Stripes() {
					s.Expect(m, table)
					block, sum := s.Stored(j)
					copy(sum, files[i][int(table.Offset(n))+copy(block, files[i][table.Offset(n):]):])
					require.Equal(t, i == j && n == m, s.Verify(j) == nil, "block of %d/%d in %d/%d", i, n, j, m)
				}
			}
		}
	}
}

// TestResetForgets has no trace of an earlier stripe in the next.
func TestResetForgets(t *testing.T) {
	c, content := newCoder(t), random(StripeSize+1)
	files, s := encode(t, content), dirty(objectOf(content))
	require.Equal(t, Shards, load(s, 0, files))
	require.Zero(t, load(s, 1, [Shards][]byte{}))
	require.ErrorIs(t, c.ReconstructData(s), ErrTooFewShards)
	require.Len(t, s.Data(), 1)
}

// TestConcurrently is for the race detector: one coder for many goroutines.
func TestConcurrently(t *testing.T) {
	c, content := newCoder(t), random(StripeSize)
	files := encode(t, content)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			got, err := decode(c, dirty(objectOf(content)), without(files, 0b100001))
			if err != nil || !bytes.Equal(content, got) {
				t.Error("wrong data", err)
			}
		})
	}
	readers.Wait()
}

// FuzzDamage flips bytes of shards: damage is a list of (shard, 3 bytes of place, flip).
func FuzzDamage(f *testing.F) {
	f.Add(uint32(0), []byte{})
	f.Add(uint32(13), []byte{0, 0, 0, 57, 1, 5, 0, 0, 60, 255})
	f.Add(uint32(StripeSize+1), []byte{1, 1, 0, 60, 1, 2, 0, 0, 56, 9, 3, 0, 5, 0, 7})
	f.Fuzz(func(t *testing.T, size uint32, damage []byte) {
		content := random(int(size % (2*StripeSize + 1000)))
		files := encode(t, content)
		var hit uint
		for ; len(damage) >= 5; damage = damage[5:] {
			i := damage[0] % Shards
			place := binary.BigEndian.Uint32(damage) & 0xffffff
			files[i][int(place)%len(files[i])] ^= damage[4]
			hit |= 1 << i
		}
		got, err := decode(newCoder(t), dirty(objectOf(content)), files)
		require.True(t, bytes.HasPrefix(content, got))
		if err != nil {
			require.Greater(t, bits.OnesCount(hit), ParityShards)
			require.True(t, errors.Is(err, ErrTooFewShards))
			return
		}
		require.Len(t, got, len(content))
	})
}

// Every figure is in bytes of the object, so that they can be compared.

func BenchmarkEncode(b *testing.B) {
	benchmark(b, func(c *Coder, s *Stripe, _ [Shards][]byte) error { return c.Encode(s) })
}

// BenchmarkDecode is what a GET does that finds all data blocks.
func BenchmarkDecode(b *testing.B) {
	benchmark(b, func(c *Coder, s *Stripe, files [Shards][]byte) error {
		load(s, 0, without(files, 0b110000))
		return c.ReconstructData(s)
	})
}

// BenchmarkDecodeDegraded is what a GET does with two data shards missing.
func BenchmarkDecodeDegraded(b *testing.B) {
	benchmark(b, func(c *Coder, s *Stripe, files [Shards][]byte) error {
		load(s, 0, without(files, 0b000011))
		return c.ReconstructData(s)
	})
}

func benchmark(b *testing.B, run func(*Coder, *Stripe, [Shards][]byte) error) {
	content := random(StripeSize)
	c, s, files := newCoder(b), NewStripe(objectOf(content)), encode(b, content)
	load(s, 0, files)
	b.SetBytes(StripeSize)
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, run(c, s, files))
	}
}
