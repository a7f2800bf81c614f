package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func addresses(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("localhost:%d", 12345+i))
	}
	return list
}

func TestOrderDoesNotDependOnTheListsOrder(t *testing.T) {
	list := addresses(6)
	want := Order("content", list)
	require.ElementsMatch(t, list, want)
	for range 20 {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		require.Equal(t, want, Order("content", list))
	}
}

// TestOrderOfTheOthersStays removes each service in turn.
func TestOrderOfTheOthersStays(t *testing.T) {
	list := addresses(6)
	all := Order("content", list)
	for i := range list {
		without := slices.Delete(slices.Clone(list), i, i+1)
		want := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == list[i] })
		require.Equal(t, want, Order("content", without))
	}
}

// TestContentSpreads expects each of six services first for about a sixth of all contents.
func TestContentSpreads(t *testing.T) {
	const contents = 6000
	first := map[string]int{}
	for i := range contents {
		first[Order(fmt.Sprint(i), addresses(6))[0]]++
	}
	require.Len(t, first, 6)
	for address, n := range first {
		require.InDelta(t, contents/6, n, contents/6/5, address)
	}
}
