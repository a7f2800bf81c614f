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
		{1, 1, 1, 1, 73},
		{4, 1, 4, 1, 73},
		{5, 1, 5, 2, 74},
		{4096, 1, 4096, 1024, 1096},
		{524287, 1, 524287, 131072, 131144},
		{524288, 1, 524288, 131072, 131144},
		{524289, 2, 1, 1, 131157},
		{1 << 20, 2, 524288, 131072, 262228},
		{10 << 30, 20480, 524288, 131072, 2684600380},
		{math.MaxInt64, 1 << 44, 524287, 131072, 60 + 131084<<44},
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
			require.Less(t, DataShards*e.blockLen()-e.length, DataShards, "padding: %v", e)
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
