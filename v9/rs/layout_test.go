package rs

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLayout(t *testing.T) {
	for _, c := range []struct{ size, stripes, lastLen, lastBlock, shard int64 }{
		{0, 0, 0, 0, 60},
		{1, 1, 1, 1, 77},
		{4096, 1, 4096, 4096, 4172},
		{4097, 1, 4097, 4096, 4172},
		{16384, 1, 16384, 4096, 4172},
		{16385, 1, 16385, 4097, 4173},
		{524287, 1, 524287, 131072, 131148},
		{524288, 1, 524288, 131072, 131148},
		{524289, 2, 1, 1, 131165},
		{1 << 20, 2, 524288, 131072, 262236},
		{10 << 30, 20480, 524288, 131072, 2684682300},
		{math.MaxInt64, 1 << 44, 524287, 131072, 60 + 131088<<44},
	} {
		l := NewLayout(c.size)
		require.Equal(t, c.size, l.Size())
		require.Equal(t, c.stripes, l.Stripes(), c.size)
		require.Equal(t, c.shard, l.MaxShardSize(), c.size)
		if last := c.stripes - 1; last >= 0 {
			require.EqualValues(t, c.lastLen, l.StripeLen(last), c.size)
			require.EqualValues(t, c.lastBlock, l.MaxBlockLen(last), c.size)
		}
	}
	require.Equal(t, NewLayout(0), NewLayout(-1))
}

// TestReads has the data shards that have something of an object, and the parity.
func TestReads(t *testing.T) {
	for size, want := range map[int64]int{0: 4, 1: 1, 4096: 1, 4097: 2, 8192: 2, 8193: 3, 12288: 3, 12289: 4, StripeSize + 1: 4} {
		for shard := range Shards {
			require.Equal(t, shard < want || shard >= DataShards, NewLayout(size).Reads(shard), "shard %d of %d bytes", shard, size)
		}
	}
}

func TestTableLeavesNoGap(t *testing.T) {
	for range 2000 {
		o := NewObject(rand.Int64N(5*StripeSize), [32]byte{})
		offset, object, table := int64(HeaderSize), int64(0), NewTable(o)
		for n := range o.Stripes() {
			require.Equal(t, offset, table.ShardSize(), "of stripes before %d", n)
			e := entry{length: o.StripeLen(n), raw: true}
			if rand.IntN(2) == 0 {
				e = entry{length: 1 + rand.IntN(e.length)}
			}
			if e.length > DataShards*MinBlock {
				require.Less(t, DataShards*e.blockLen()-e.length, DataShards, "padding: %v", e)
			}
			table.entries = append(table.entries, e)
			require.Equal(t, offset, table.Offset(n))
			offset += int64(e.blockLen()) + ChecksumSize
			object += int64(o.StripeLen(n))
		}
		require.Equal(t, o.Size(), object)
		require.Equal(t, offset+o.TableSize(), table.ShardSize())
		require.LessOrEqual(t, table.ShardSize(), o.MaxShardSize())
	}
}
