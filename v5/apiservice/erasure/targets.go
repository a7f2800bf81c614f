package erasure

import (
	"context"
	"sync"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
)

// targets says which data service takes which shard. Where they are not fixed, one that does not take
// its shard, perhaps because it died a moment ago, is replaced by another, as long as there are enough.
type targets struct {
	fixed bool

	mu     sync.Mutex
	places locate.Places
	failed map[string]bool
}

func newTargets(wanted locate.Places, fixed bool) *targets {
	return &targets{fixed: fixed, places: wanted, failed: map[string]bool{}}
}

// lacking returns the shards that are wanted somewhere and not held.
func (t *targets) lacking(held locate.Places) (shards []int) {
	for shard, address := range t.places {
		if address != "" && held[shard] == "" {
			shards = append(shards, shard)
		}
	}
	return shards
}

// try calls take with the address for a shard, and with another one whenever that fails.
func (t *targets) try(ctx context.Context, shard int, take func(address string) error) error {
	address := t.place(shard)
	for {
		err := take(address)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if address = t.instead(shard, address); address == "" {
			return err
		}
	}
}

func (t *targets) place(shard int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.places[shard]
}

// instead returns where a shard goes that the data service at address has not taken: to the one of the
// others that has the fewest shards. It returns "" if there are too few others.
func (t *targets) instead(shard int, address string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed[address] = true
	best, others := "", map[string]bool{}
	for _, other := range t.places {
		if other == "" || t.failed[other] {
			continue
		}
		others[other] = true
		if best == "" || t.places.Held(other) < t.places.Held(best) {
			best = other
		}
	}
	if t.fixed || len(others) < rs.DataShards {
		return ""
	}
	t.places[shard] = best
	return best
}
