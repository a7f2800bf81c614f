package erasure

import (
	"context"
	"errors"
	"slices"
	"sync"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/httpd"
)

// targets says which data service takes which shard. Where they are not fixed, one that does not take
// its shard, perhaps because it died a moment ago, is replaced by another, as long as there are enough.
type targets struct {
	held  locate.Places // those that need not be sent
	fixed bool

	mu     sync.Mutex
	places locate.Places // those that are held, and those that are to be
	failed map[string]bool
}

func newTargets(held, wanted locate.Places, fixed bool) *targets {
	return &targets{held: held, fixed: fixed, places: wanted, failed: map[string]bool{}}
}

// lacking returns the shards that are to be sent.
func (t *targets) lacking() (shards []int) {
	for shard, address := range t.places {
		if address != "" && t.held[shard] == "" {
			shards = append(shards, shard)
		}
	}
	return shards
}

// sufficient returns nil if the shards that are held, and those that were sent without an error, are enough
// to be told the client: one more than are needed to read the object, and on as many data services as may
// lose two of them. A repair tells no client, and every shard is a gain.
func (t *targets) sufficient(sent []error) error {
	if t.fixed && slices.Contains(sent, nil) {
		return nil
	}
	kept := t.held
	for i, shard := range t.lacking() {
		if sent[i] == nil {
			kept[shard] = t.places[shard]
		}
	}
	if kept.Known() >= enough && kept.Holders() >= rs.DataShards {
		return nil
	}
	refused := httpd.Unavailable("%d of %d shards could be kept, on %d data services, %d on %d are needed: try again",
		kept.Known(), rs.Shards, kept.Holders(), enough, rs.DataShards)
	return errors.Join(append([]error{refused}, sent...)...)
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
