// Package erasure carries objects to and from data services as shards: package rs with streams around
// it. One stripe of an object is in memory at a time.
package erasure

import (
	"context"
	"errors"
	"sync"

	"gostore/chapter6/apiservice/objectstream"
	"gostore/chapter6/apiservice/placement"
	"gostore/chapter6/rs"
	"gostore/common/hash"
	"gostore/common/peer"
)

// Codec writes and reads objects. Its methods may be called by several goroutines at once.
type Codec struct {
	streams *objectstream.Client
	coder   *rs.Coder
}

// NewCodec returns a codec.
func NewCodec(streams *objectstream.Client) (*Codec, error) {
	coder, err := rs.NewCoder()
	if err != nil {
		return nil, err
	}
	return &Codec{streams: streams, coder: coder}, nil
}

// Held are shards that data services hold intact.
type Held struct {
	placement.Places
	digests [rs.Shards]hash.Hash
}

// Check has data services verify the shards of an object that they hold. It returns those that are
// intact, and those of data services that did not answer; the others are missing, corrupt or unreadable.
func (c *Codec) Check(ctx context.Context, o rs.Object, held placement.Places) (intact Held, unknown placement.Places) {
	var checking sync.WaitGroup
	for shard, address := range held {
		if address == "" {
			continue
		}
		checking.Go(func() {
			digest, err := c.streams.Check(ctx, address, name(o, shard), o.ShardSize())
			if err == nil {
				intact.Places[shard], intact.digests[shard] = address, digest
			} else if !errors.Is(err, peer.ErrCorrupt) {
				unknown[shard] = address
			}
		})
	}
	checking.Wait()
	return intact, unknown
}

// name returns the name that a shard of an object has on a data service.
func name(o rs.Object, shard int) string { return rs.Name(hash.Hash(o.Hash()), shard) }
