package rs

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLayout(t *testing.T) {
	for _, c := range []struct{ size, stripes, lastLen, lastBlock, shard int64 }{
		{0, 0, 0, 0, 56},
		{1, 1, 1, 1, 61},
		{4, 1, 4, 1, 61},
		{5, 1, 5, 2, 62},
		{4096, 1, 4096, 1024, 1084},
		{524287, 1, 524287, 131072, 131132},
		{524288, 1, 524288, 131072, 131132},
		{524289, 2, 1, 1, 131137},
		{1 << 20, 2, 524288, 131072, 262208},
		{10 << 30, 20480, 524288, 131072, 2684436536},
		{math.MaxInt64, 1 << 44, 524287, 131072, 56 + 131076<<44},
	} {
		l := NewLayout(c.size)
		require.Equal(t, c.size, l.Size())
		require.Equal(t, c.stripes, l.Stripes(), c.size)
		require.Equal(t, c.shard, l.ShardSize(), c.size)
		if last := c.stripes - 1; last >= 0 {
			require.EqualValues(t, c.lastLen, l.StripeLen(last), c.size)
			require.EqualValues(t, c.lastBlock, l.BlockLen(last), c.size)
		}
	}
	require.Equal(t, NewLayout(0), NewLayout(-1))
}

func TestLayoutLeavesNoGap(t *testing.T) {
	for range 2000 {
		l := NewLayout(rand.Int64N(5 * StripeSize))
		offset, object := int64(HeaderSize), int64(0)
		for n := range l.Stripes() {
			require.Equal(t, offset, l.Offset(n), l)
			require.Positive(t, l.StripeLen(n), l)
			require.Less(t, DataShards*l.BlockLen(n)-l.StripeLen(n), DataShards, "padding: %v", l)
			offset += int64(l.BlockLen(n)) + ChecksumSize
			object += int64(l.StripeLen(n))
		}
		require.Equal(t, l.Size(), object)
		require.Equal(t, l.ShardSize(), offset)
	}
}
