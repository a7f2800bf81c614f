package placement

import (
	"slices"

	"gostore/chapter9/rs"
)

// Places says which data service holds, or is to take, each shard of a content; "" for none.
type Places [rs.Shards]string

// Known returns how many shards have a place.
func (p Places) Known() (n int) {
	for _, address := range p {
		if address != "" {
			n++
		}
	}
	return n
}

// Holders returns how many data services there are among the places.
func (p Places) Holders() int { return Places{}.Apart(p).Known() }

// Held returns how many shards a data service holds.
func (p Places) Held(address string) (n int) {
	for _, holder := range p {
		if holder == address {
			n++
		}
	}
	return n
}

// Without returns p without the shards that have a place in other.
func (p Places) Without(other Places) Places {
	for shard := range p {
		if other[shard] != "" {
			p[shard] = ""
		}
	}
	return p
}

// Apart returns p with those of more that are on data services which hold no other shard: two shards in
// one place are lost together.
func (p Places) Apart(more Places) Places {
	for shard, address := range more {
		if p.Held(address) == 0 {
			p[shard] = address
		}
	}
	return p
}

// Spread returns p with a place for every shard: each goes to the data service of order that holds the
// fewest so far. Of those that hold equally many, shard i takes the first from position i on. So API
// services that spread one content at the same time agree on where each shard goes.
func (p Places) Spread(order []string) Places {
	for shard, address := range p {
		if address == "" {
			first := shard % len(order)
			p[shard] = p.least(slices.Concat(order[first:], order[:first]))
		}
	}
	return p
}

// least returns the first address that holds the fewest shards.
func (p Places) least(addresses []string) string {
	return slices.MinFunc(addresses, func(a, b string) int { return p.Held(a) - p.Held(b) })
}

// Add returns p with the shards that a data service holds. Where another one holds a shard too, as it may
// when services came and went while equal content was put, the one with fewer shards has it. It ignores
// numbers that are not those of a shard.
func (p Places) Add(address string, shards []int) Places {
	for _, shard := range shards {
		if shard < 0 || shard >= rs.Shards {
			continue
		}
		if other := p[shard]; other == "" || p.Held(other) > p.Held(address)+1 {
			p[shard] = address
		}
	}
	return p
}
