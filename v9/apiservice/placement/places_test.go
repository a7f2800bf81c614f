package placement

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/rs"
)

func six() Places { return Places{"a", "b", "c", "d", "e", "f"} }

func order(p Places) []string { return p[:] }

func TestOneShardAService(t *testing.T) {
	require.Equal(t, six(), Places{}.Spread(order(six())))
	four := Places{}.Spread([]string{"a", "b", "c", "d"})
	require.Equal(t, Places{"a", "b", "c", "d", "a", "b"}, four)
}

// TestConcurrentSpreadsAgree has any of the shards stored already when the others are spread.
func TestConcurrentSpreadsAgree(t *testing.T) {
	for stored := range 1 << rs.Shards {
		held := six()
		for shard := range held {
			if stored>>shard&1 == 0 {
				held[shard] = ""
			}
		}
		require.Equal(t, six(), held.Spread(order(six())), "%06b", stored)
	}
}

func TestApartDoublesNothing(t *testing.T) {
	held := Places{"a", "b", "c", "d"}
	require.Equal(t, six(), held.Apart(Places{"", "", "", "", "e", "f"}))
	require.Equal(t, held, held.Apart(Places{"", "", "", "", "a", "b"}))
	require.Equal(t, Places{"a", "", "b"}, Places{}.Apart(Places{"a", "a", "b", "b"}), "one a service")
}

// TestSurplusCopiesSpread has two data services hold all shards and the others some.
func TestSurplusCopiesSpread(t *testing.T) {
	answers := map[string][]int{"a": {0, 3, 5, 6, -1}, "b": {1, 2, 4}, "c": {0, 1}, "d": {2}, "e": {3}, "f": {4}}
	for range 100 {
		var p Places
		for _, i := range rand.Perm(rs.Shards) {
			address := order(six())[i]
			p = p.Add(address, answers[address])
		}
		require.Equal(t, rs.Shards, p.Known())
		require.GreaterOrEqual(t, p.Holders(), rs.DataShards, p)
	}
}

func TestTwoOfSixAreReplaced(t *testing.T) {
	targets := NewTargets(Places{}, six(), order(six()))
	for _, shard := range []int{0, 3} {
		require.NotContains(t, []string{"", "a", "d"}, targets.Replace(shard, six()[shard]))
	}
	require.Equal(t, 4, targets.places.Holders())
	for _, address := range targets.places {
		require.LessOrEqual(t, targets.places.Held(address), 2, "spread over those that are left")
	}
	require.Empty(t, targets.Replace(1, "b"), "a third is one too many")
}

func TestNothingReplacesATargetOfARepair(t *testing.T) {
	require.Empty(t, NewTargets(six(), Places{}, nil).Replace(4, "e"))
}
