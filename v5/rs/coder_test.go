package rs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"math/rand/v2"
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

func objectOf(content []byte) Object { return NewObject(int64(len(content)), sha256.Sum256(content)) }

func newCoder(t testing.TB) *Coder {
	c, err := NewCoder()
	require.NoError(t, err)
	return c
}

// used returns a stripe with rubbish in it, as one from a pool has.
func used() *Stripe {
	s := NewStripe()
	s.Reset(NewObject(StripeSize, [32]byte{}), 0)
	copy(s.memory, bytes.Repeat([]byte{0xa5}, len(s.memory)))
	return s
}

// fill puts a stripe's bytes of an object in place.
func fill(s *Stripe, o Object, n int64, content []byte) {
	s.Reset(o, n)
	copy(s.Data(), content[n*StripeSize:])
}

// readFile has a stripe read a shard.
func readFile(s *Stripe, shard int, file []byte) error {
	return s.Read(shard, func(stored []byte) error {
		copy(stored, file[s.object.OffsetInShard(s.number):])
		return nil
	})
}

// again has a stripe read what it has of a shard.
func again(s *Stripe, shard int) error {
	return s.Read(shard, func(stored []byte) error {
		copy(stored[len(s.blocks[shard]):], s.sums[shard][:])
		return nil
	})
}

func encode(t testing.TB, content []byte) (files [Shards][]byte) {
	c, s, o := newCoder(t), used(), objectOf(content)
	for i := range files {
		files[i] = o.Header(i)
	}
	for n := range o.Stripes() {
		fill(s, o, n, content)
		require.NoError(t, c.Encode(s))
		for i := range files {
			files[i] = append(files[i], bytes.Join(s.Shard(i), nil)...)
		}
	}
	return files
}

// load begins stripe n with what the files have of it; one that ends early gives nothing.
func load(s *Stripe, o Object, n int64, files [Shards][]byte) (good int) {
	s.Reset(o, n)
	for i, file := range files {
		end := o.OffsetInShard(n) + int64(o.StoredLen(n))
		if int64(len(file)) < end {
			continue
		}
		if readFile(s, i, file) == nil {
			good++
		}
	}
	return good
}

// read returns the bytes from up to to of an object, as a reader of ranges does.
func read(c *Coder, s *Stripe, o Object, files [Shards][]byte, from, to int64) (content []byte, err error) {
	for from < to {
		n, within := o.StripeOf(from)
		load(s, o, n, files)
		if err := c.ReconstructData(s); err != nil {
			return content, err
		}
		end := int(min(int64(s.Len()), int64(within)+to-from))
		content = append(content, s.Data()[within:end]...)
		from += int64(end - within)
	}
	return content, nil
}

// repair returns whole files for damaged ones.
func repair(c *Coder, s *Stripe, o Object, files [Shards][]byte) (whole [Shards][]byte, err error) {
	for i := range whole {
		whole[i] = o.Header(i)
	}
	for n := range o.Stripes() {
		load(s, o, n, files)
		if err := c.Reconstruct(s); err != nil {
			return whole, err
		}
		for i := range whole {
			whole[i] = append(whole[i], bytes.Join(s.Shard(i), nil)...)
		}
	}
	return whole, nil
}

func without(files [Shards][]byte, lost uint) [Shards][]byte {
	for i := range files {
		if lost>>i&1 == 1 {
			files[i] = nil
		}
	}
	return files
}

func TestEverySetOfLostShards(t *testing.T) {
	c, s := newCoder(t), used()
	for _, size := range sizes() {
		content := random(size)
		o, files := objectOf(content), encode(t, content)
		for lost := uint(0); lost < 1<<Shards; lost++ {
			left := without(files, lost)
			got, err := read(c, s, o, left, 0, o.Size())
			whole, repairErr := repair(c, s, o, left)
			if tooMany(o, lost) {
				require.ErrorIs(t, err, ErrTooFewShards)
				require.ErrorIs(t, repairErr, ErrTooFewShards)
				require.Empty(t, got)
				continue
			}
			require.NoError(t, errors.Join(err, repairErr))
			require.True(t, bytes.Equal(content, got), "%d bytes without %06b", size, lost)
			require.Equal(t, files, whole, "%d bytes without %06b", size, lost)
		}
	}
}

// tooMany knows that the first stripe has no fewer blocks that are needed than others.
func tooMany(o Object, lost uint) bool {
	for i := range Shards {
		if o.Size() == 0 || o.Empty(i, 0) {
			lost &^= 1 << i
		}
	}
	return bits.OnesCount(lost) > ParityShards
}

// Which two shards are rotten is another in every stripe.
func TestRotWanders(t *testing.T) {
	c, s, content := newCoder(t), used(), random(15*StripeSize+3)
	o, files := objectOf(content), encode(t, content)
	whole := clone(files)
	n := int64(0)
	for a := range Shards {
		for b := range a {
			for _, i := range []int{a, b} {
				files[i][o.OffsetInShard(n)+rand.Int64N(int64(o.StoredLen(n)))] ^= 1 << rand.IntN(8)
			}
			require.Equal(t, DataShards, load(s, o, n, files))
			n++
		}
	}
	got, err := read(c, s, o, files, 0, o.Size())
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	repaired, err := repair(c, s, o, files)
	require.NoError(t, err)
	require.True(t, bytes.Equal(bytes.Join(whole[:], nil), bytes.Join(repaired[:], nil)))
}

func clone(files [Shards][]byte) [Shards][]byte {
	for i := range files {
		files[i] = bytes.Clone(files[i])
	}
	return files
}

// Every byte of every two shards of a small object, and every other value of every byte of one.
func TestEveryByteOfEveryTwoShards(t *testing.T) {
	c, s, content := newCoder(t), used(), []byte("hello, world\n")
	o, files := objectOf(content), encode(t, content)
	size := int(o.ShardSize())
	check := func(a, i int, flipA byte, b, j int, flipB byte) {
		damaged := clone(files)
		damaged[a][i] ^= flipA
		damaged[b][j] ^= flipB
		whole, err := repair(c, s, o, damaged)
		require.NoError(t, err)
		require.Equal(t, files, whole)
		got, err := read(c, s, o, damaged, 0, o.Size())
		require.NoError(t, err)
		require.Equal(t, content, got)
	}
	for a := range Shards {
		for b := range a {
			for i := range size * size {
				check(a, i/size, 1<<(i%8), b, i%size, 0xff)
			}
		}
		for i := range size * 255 {
			check(a, i/255, byte(i%255+1), (a+1)%Shards, 0, 0)
		}
	}
}

func TestThreeRottenShards(t *testing.T) {
	c, s, content := newCoder(t), used(), []byte("hello, world\n")
	o, files := objectOf(content), encode(t, content)
	for three := uint(0); three < 1<<Shards; three++ {
		if bits.OnesCount(three) != 3 {
			continue
		}
		for range 1000 {
			damaged := clone(files)
			for i := range Shards {
				damaged[i][HeaderSize+rand.IntN(8)] ^= byte(three >> i & 1 * uint(1+rand.IntN(255)))
			}
			got, err := read(c, s, o, damaged, 0, o.Size())
			require.ErrorIs(t, err, ErrTooFewShards)
			require.Empty(t, got)
			_, err = repair(c, s, o, damaged)
			require.ErrorIs(t, err, ErrTooFewShards)
		}
	}
}

// Blocks are all alike here, and right in their place alone.
func TestBlockInTheWrongPlace(t *testing.T) {
	content := make([]byte, 3*StripeSize)
	o, files := objectOf(content), encode(t, content)
	other := NewObject(o.Size()-StripeSize, o.Hash())
	stored := func(i int, n int64) []byte {
		return files[i][o.OffsetInShard(n):][:o.StoredLen(n)]
	}
	for i := range Shards {
		for n := range o.Stripes() {
			require.ErrorIs(t, other.Verify(i, n%2, stored(i, n%2)), ErrRotten)
			for j := range Shards {
				for m := range o.Stripes() {
					err := o.Verify(j, m, stored(i, n))
					require.Equal(t, i == j && n == m, err == nil, "block of %d/%d in %d/%d", i, n, j, m)
				}
			}
		}
	}
}

func TestVerify(t *testing.T) {
	o, files := objectOf(random(5)), encode(t, random(5))
	stored := files[1][HeaderSize:]
	require.NoError(t, o.Verify(1, 0, stored))
	for n := range stored {
		require.ErrorIs(t, o.Verify(1, 0, stored[:n]), ErrRotten)
	}
	require.ErrorIs(t, o.Verify(1, 0, append(stored, 0)), ErrRotten)
	require.ErrorIs(t, o.Verify(1, 0, make([]byte, len(stored))), ErrRotten)
}

// A reader of a range needs the stripes that it is in and no others.
func TestRange(t *testing.T) {
	c, s := newCoder(t), used()
	for range 100 {
		content := random(1 + rand.IntN(4*StripeSize))
		o, files := objectOf(content), encode(t, content)
		from := rand.Int64N(o.Size())
		to := min(o.Size(), from+1+rand.Int64N([]int64{3, 70_000, 2 * StripeSize}[rand.IntN(3)]))
		lost := uint(1)<<rand.IntN(Shards) | uint(1)<<(to%Shards)
		first, _ := o.StripeOf(from)
		last, _ := o.StripeOf(to - 1)
		for i := range files {
			clear(files[i][:o.OffsetInShard(first)])
			clear(files[i][o.OffsetInShard(last)+int64(o.StoredLen(last)):])
		}
		got, err := read(c, s, o, without(files, lost), from, to)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content[from:to], got), "%d to %d of %d", from, to, len(content))
	}
}

func TestPaddingIsNoData(t *testing.T) {
	c, s, content := newCoder(t), used(), random(SmallBlock+21)
	o, files := objectOf(content), encode(t, content)
	load(s, o, 0, without(files, 0b1010))
	require.NoError(t, c.ReconstructData(s))
	require.Equal(t, content, s.Data())
}

// A stripe takes what comes after another without a trace of it.
func TestResetForgets(t *testing.T) {
	c, s, content := newCoder(t), used(), random(StripeSize+1)
	o, files := objectOf(content), encode(t, content)
	require.Equal(t, Shards, load(s, o, 0, files))
	require.Zero(t, load(s, o, 1, [Shards][]byte{}))
	require.ErrorIs(t, c.ReconstructData(s), ErrTooFewShards)
	require.ErrorIs(t, c.Reconstruct(s), ErrTooFewShards)
	require.Equal(t, 1, s.Len())
}

// Of a small object one block is enough, and the empty ones are written nevertheless.
func TestEmptyBlocksNeedNotBeRead(t *testing.T) {
	c, s := newCoder(t), used()
	for size, lost := range map[int]uint{1: 0b001111, SmallBlock: 0b101111, SmallBlock + 1: 0b001111, 3 * SmallBlock: 0b101010} {
		content := random(size)
		o, files := objectOf(content), encode(t, content)
		got, err := read(c, s, o, without(files, lost), 0, o.Size())
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got), size)
		whole, err := repair(c, s, o, without(files, lost))
		require.NoError(t, err)
		require.Equal(t, files, whole, size)
	}
}

// A block that was right and is read again, wrong, is not right any more.
func TestReadAgain(t *testing.T) {
	c, s, content := newCoder(t), used(), random(4*SmallBlock)
	o, files := objectOf(content), encode(t, content)
	load(s, o, 0, without(files, 0b11))
	s.blocks[2][0] ^= 1
	require.ErrorIs(t, again(s, 2), ErrRotten)
	require.ErrorIs(t, c.ReconstructData(s), ErrTooFewShards)
}

// A shard may still be on its way into a parity block while the data blocks are made without it.
func TestReconstructDataWritesMissingDataOnly(t *testing.T) {
	c, s, content := newCoder(t), used(), random(StripeSize)
	o, files := objectOf(content), encode(t, content)
	load(s, o, 0, without(files, 0b100010))
	before := bytes.Clone(s.memory)
	require.NoError(t, c.ReconstructData(s))
	require.True(t, bytes.Equal(content, s.Data()))
	copy(s.memory[BlockSize:2*BlockSize], before[BlockSize:])
	require.True(t, bytes.Equal(before, s.memory))
}

func TestNoBlockReachesIntoAnother(t *testing.T) {
	s := NewStripe()
	s.Reset(NewObject(StripeSize, [32]byte{}), 0)
	for i := range Shards {
		block := s.Shard(i)[0]
		require.Len(t, block, BlockSize)
		for k := range block[:cap(block)] {
			block[:cap(block)][k]++
		}
	}
	require.True(t, bytes.Equal(bytes.Repeat([]byte{1}, Shards*BlockSize), s.memory[:Shards*BlockSize]))
}

// Reading a shard leaves the others as they are, whatever comes first, and whether it succeeds or not.
func TestReadInAnyOrder(t *testing.T) {
	c, s, content := newCoder(t), used(), random(StripeSize-1)
	o, files := objectOf(content), encode(t, content)
	for range 100 {
		s.Reset(o, 0)
		order := rand.Perm(Shards)
		for _, i := range order[:DataShards] {
			require.NoError(t, readFile(s, i, files[i]))
		}
		for _, i := range order[DataShards:] {
			require.ErrorIs(t, s.Read(i, func(stored []byte) error {
				copy(stored, bytes.Repeat([]byte{0xa5}, len(stored)))
				return io.ErrUnexpectedEOF
			}), io.ErrUnexpectedEOF)
		}
		require.NoError(t, c.Reconstruct(s))
		require.True(t, bytes.Equal(content, s.Data()), order)
		for i, file := range files {
			require.True(t, bytes.Equal(file[HeaderSize:], bytes.Join(s.Shard(i), nil)), "shard %d after %v", i, order)
		}
	}
}

// For the race detector: one coder for many.
func TestAtOnce(t *testing.T) {
	c, content := newCoder(t), random(StripeSize)
	o, files := objectOf(content), encode(t, content)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			s := used()
			load(s, o, 0, without(files, 0b100001))
			if err := c.ReconstructData(s); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(content, s.Data()) {
				t.Error("wrong data")
			}
		})
	}
	readers.Wait()
}

func TestNoAllocation(t *testing.T) {
	c, s, content := newCoder(t), NewStripe(), random(StripeSize)
	o := objectOf(content)
	fill(s, o, 0, content)
	library := testing.AllocsPerRun(10, func() { _ = c.code.Encode(s.blocks[:]) })
	var err error
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() {
		fill(s, o, 0, content)
		err = errors.Join(err, c.Encode(s))
		for i := range DataShards {
			err = errors.Join(err, again(s, i))
		}
		err = errors.Join(err, c.ReconstructData(s))
	}), library)
	require.NoError(t, err)
}

// FuzzDamage flips bytes of shards: damage is a list of (shard, 3 bytes of place, flip).
func FuzzDamage(f *testing.F) {
	f.Add(uint32(0), []byte{}, uint32(0), uint32(0))
	f.Add(uint32(13), []byte{0, 0, 0, 57, 1, 5, 0, 0, 60, 255}, uint32(0), uint32(13))
	f.Add(uint32(StripeSize+1), []byte{1, 1, 0, 60, 1, 2, 0, 0, 56, 9, 3, 0, 5, 0, 7}, uint32(StripeSize-1), uint32(2))
	f.Fuzz(func(t *testing.T, size uint32, damage []byte, from, length uint32) {
		content := random(int(size % (2*StripeSize + 1000)))
		o, files := objectOf(content), encode(t, content)
		var hit uint
		for ; len(damage) >= 5; damage = damage[5:] {
			i := damage[0] % Shards
			place := binary.BigEndian.Uint32(damage) & 0xffffff
			files[i][int(place)%len(files[i])] ^= damage[4]
			hit |= 1 << i
		}
		begin := min(int64(from), o.Size())
		end := min(begin+int64(length), o.Size())
		c, s := newCoder(t), used()
		got, err := read(c, s, o, files, begin, end)
		require.True(t, bytes.HasPrefix(content[begin:end], got))
		if bits.OnesCount(hit) > ParityShards && err != nil {
			require.ErrorIs(t, err, ErrTooFewShards)
			return
		}
		require.NoError(t, err)
		require.Len(t, got, int(end-begin))
	})
}
