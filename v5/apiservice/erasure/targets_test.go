package erasure

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/apiservice/locate"
)

var errDead = errors.New("dead")

// takers tries every lacking shard; the data services that are dead take none.
func takers(t *targets, dead ...string) (errs []error) {
	for _, shard := range t.lacking() {
		errs = append(errs, t.try(context.Background(), shard, func(address string) error {
			if slices.Contains(dead, address) {
				return errDead
			}
			return nil
		}))
	}
	return errs
}

func six() locate.Places { return locate.Places{"a", "b", "c", "d", "e", "f"} }

func TestTwoOfSixAreReplaced(t *testing.T) {
	to := newTargets(locate.Places{}, six(), false)
	errs := takers(to, "a", "d")
	require.Equal(t, make([]error, 6), errs)
	require.NoError(t, to.sufficient(errs))
	require.Equal(t, 4, to.places.Holders())
	require.Equal(t, 6, to.places.Known())
	for _, address := range to.places {
		require.LessOrEqual(t, to.places.Held(address), 2, "spread over those that are left")
	}
}

func TestThreeOfSixAreTooMany(t *testing.T) {
	to := newTargets(locate.Places{}, six(), false)
	errs := takers(to, "a", "c", "d")
	require.ErrorIs(t, to.sufficient(errs), errDead)
}

// TestFiveShardsOnThreeServicesAreTooFew has enough shards for a read, but one service would take two of
// them with it.
func TestFiveShardsOnThreeServicesAreTooFew(t *testing.T) {
	to := newTargets(locate.Places{}, locate.Places{"a", "a", "b", "b", "c", "c"}, false)
	require.Error(t, to.sufficient(make([]error, 6)))
}

func TestHeldShardsCount(t *testing.T) {
	held := locate.Places{"a", "b", "c", "d"}
	to := newTargets(held, six(), false)
	require.Equal(t, []int{4, 5}, to.lacking())
	require.NoError(t, to.sufficient([]error{nil, errDead}))
	require.ErrorIs(t, to.sufficient([]error{errDead, errDead}), errDead)
}

// TestRepairDoublesNothing has a repair leave a shard out rather than put two in one place.
func TestRepairDoublesNothing(t *testing.T) {
	to := newTargets(locate.Places{"a", "b", "c", "d"}, six(), true)
	errs := takers(to, "e")
	require.Equal(t, []error{errDead, nil}, errs)
	require.Equal(t, six(), to.places)
	require.NoError(t, to.sufficient(errs), "one more is a gain")
}

func TestNobodyIsTriedForAClientThatHasLeft(t *testing.T) {
	to := newTargets(locate.Places{}, six(), false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tries := 0
	require.ErrorIs(t, to.try(ctx, 0, func(string) error { tries++; return errDead }), errDead)
	require.Equal(t, 1, tries)
}
