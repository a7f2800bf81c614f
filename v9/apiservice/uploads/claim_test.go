package uploads

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/apiservice/placement"
)

// parts returns answers of six parts to a claim: those of a to f, by the epoch and the offset of each.
func parts(epochs, offsets [6]int64) (list []claimed) {
	for shard := range epochs {
		c := claimed{shard: shard, address: string(rune('a' + shard)), epoch: epochs[shard]}
		c.state.Offset = offsets[shard]
		list = append(list, c)
	}
	return list
}

func TestLatest(t *testing.T) {
	for name, c := range map[string]struct {
		epochs, offsets [6]int64
		offset          int64
		kept            placement.Places
	}{
		"all agree":                      {[6]int64{3, 3, 3, 3, 3, 3}, [6]int64{7, 7, 7, 7, 7, 7}, 7, placement.Places{"a", "b", "c", "d", "e", "f"}},
		"a checkpoint that only two got": {[6]int64{3, 3, 3, 3, 3, 3}, [6]int64{9, 9, 7, 7, 7, 7}, 7, placement.Places{"a", "b", "c", "d", "e", "f"}},
		"a checkpoint that two missed":   {[6]int64{3, 3, 3, 3, 3, 3}, [6]int64{9, 9, 9, 9, 7, 7}, 9, placement.Places{"a", "b", "c", "d"}},
		"one missed a claim":             {[6]int64{3, 2, 3, 3, 3, 3}, [6]int64{7, 9, 7, 7, 7, 7}, 7, placement.Places{"a", "", "c", "d", "e", "f"}},
		"four of an old claim":           {[6]int64{2, 2, 2, 2, 3, 3}, [6]int64{9, 9, 9, 9, 7, 7}, 7, placement.Places{"", "", "", "", "e", "f"}},
	} {
		now, kept := latest(parts(c.epochs, c.offsets))
		require.Equal(t, c.offset, now.Offset, name)
		require.Equal(t, c.kept, kept, name)
	}
}
