package placement

import (
	"slices"
	"sync"

	"gostore/chapter9/rs"
)

// Targets says which data service takes which shard, and replaces one that refuses, perhaps because it
// died a moment ago. Its methods may be called by several goroutines at once.
type Targets struct {
	mu     sync.Mutex
	places Places
	order  []string // of the data services that can replace others
}

// NewTargets returns targets for shards that go to the data services in to, while others are held
// already. Data services in order may replace those that refuse; nil for none.
func NewTargets(held, to Places, order []string) *Targets {
	t := &Targets{places: held, order: slices.Clone(order)}
	for shard, address := range to {
		if address != "" {
			t.places[shard] = address
		}
	}
	return t
}

// Replace returns the data service that takes a shard in place of one that refused it, or "" if so few
// are left that an object on them would not survive the loss of one.
func (t *Targets) Replace(shard int, refused string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order = slices.DeleteFunc(t.order, func(address string) bool { return address == refused })
	if len(t.order) < rs.DataShards {
		return ""
	}
	t.places[shard] = t.places.least(t.order)
	return t.places[shard]
}
