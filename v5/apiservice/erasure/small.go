package erasure

import (
	"context"
	"net"
	"sync"

	"gostore/chapter5/rs"
	"gostore/common/hash"
)

// keep fills all stripes of a small object, and then has every lacking shard kept in one request. That
// needs no second phase: before anything is asked of a data service it is known that all of the object is
// there, and right. If too few shards can be kept, those that were are of use to whoever puts the object
// again.
func (c *Codec) keep(ctx context.Context, o rs.Object, to *targets, fill func(s *rs.Stripe) error) ([]error, error) {
	stripes := make([]*rs.Stripe, o.Stripes())
	for n := range stripes {
		stripes[n] = c.stripe(o)
		defer c.giveBack(o, stripes[n])
		stripes[n].Reset(o, int64(n))
		if err := fill(stripes[n]); err != nil {
			return nil, err
		}
	}
	end, err := c.turn(ctx, o)
	if err != nil {
		return nil, err
	}
	defer end()
	lacking := to.lacking()
	errs := make([]error, len(lacking))
	var keeping sync.WaitGroup
	for i, shard := range lacking {
		keeping.Go(func() {
			name, file := rs.Name(hash.Hash(o.Hash()), shard), shardFile(o, stripes, shard)
			errs[i] = to.try(ctx, shard, func(address string) error { return c.streams.Put(ctx, address, name, file) })
		})
	}
	keeping.Wait()
	return errs, nil
}

// shardFile returns the pieces of a shard file.
func shardFile(o rs.Object, stripes []*rs.Stripe, shard int) net.Buffers {
	file := net.Buffers{o.Header(shard)}
	for _, s := range stripes {
		file = append(file, s.Shard(shard)...)
	}
	return file
}
