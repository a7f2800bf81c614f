package erasure

import (
	"context"
	"sync"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/hash"
)

// keep fills the only stripe of an object, if it has one, and then has each shard kept in one request.
// That needs no second phase: before anything is asked of a data service it is known that all of the
// object is there, and right. If too few shards can be kept, those that were are of use to whoever
// puts the object again.
func (c *Codec) keep(ctx context.Context, o rs.Object, held locate.Places, to *targets, fill func(s *rs.Stripe) error) error {
	s := rs.NewStripe()
	s.Reset(o, 0)
	if o.Stripes() > 0 {
		if err := fill(s); err != nil {
			return err
		}
	}
	end, err := c.turn(ctx, o)
	if err != nil {
		return err
	}
	defer end()
	lacking := to.lacking(held)
	errs := make([]error, len(lacking))
	var keeping sync.WaitGroup
	for i, shard := range lacking {
		keeping.Go(func() {
			name, body := rs.Name(hash.Hash(o.Hash()), shard), shardFile(o, s, shard)
			errs[i] = to.try(ctx, shard, func(address string) error { return c.streams.Put(ctx, address, name, body) })
		})
	}
	keeping.Wait()
	return sufficient(held.Known(), errs)
}

// shardFile returns the whole of a shard file of one stripe, or of none.
func shardFile(o rs.Object, s *rs.Stripe, shard int) []byte {
	if o.Stripes() == 0 {
		return o.Header(shard)
	}
	return append(o.Header(shard), s.Shard(shard)...)
}
