package placement

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHomesStayWhenServicesAreDown takes two of six data services away, and one of seven.
func TestHomesStayWhenServicesAreDown(t *testing.T) {
	for _, n := range []int{6, 7, 20} {
		live := addresses(n)
		homes := NewHomes(func() ([]string, error) { return live, nil })
		before, err := homes.Of("content")
		require.NoError(t, err)
		require.Equal(t, Places{}.Spread(Order("content", live)), before)
		down := []string{before[1], before[4]}
		live = slices.DeleteFunc(slices.Clone(live), func(a string) bool { return slices.Contains(down, a) })
		after, err := homes.Of("content")
		require.NoError(t, err)
		want := before
		want[1], want[4] = "", ""
		require.Equal(t, want, after)
		live = addresses(n)
		again, err := homes.Of("content")
		require.NoError(t, err)
		require.Equal(t, before, again)
	}
}
