// Package erasure carries objects to and from data services as shards: package rs with streams around
// it. One stripe of an object is in memory at a time.
package erasure

import (
	"context"
	"errors"
	"sync"

	"gostore/chapter8/apiservice/objectstream"
	"gostore/chapter8/apiservice/placement"
	"gostore/chapter8/rs"
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

// Held are shards of one encoding that data services hold intact.
type Held struct {
	placement.Places
	Encoding string
	digests  [rs.Shards]hash.Hash
}

// Check has data services verify the shards of an object that they hold. It returns those that are
// intact, and those of data services that did not answer; the others are missing, corrupt or unreadable,
// or of another encoding than most, which is that of the intact ones.
func (c *Codec) Check(ctx context.Context, o rs.Object, held placement.Places) (intact Held, unknown placement.Places) {
	var checking sync.WaitGroup
	var encodings [rs.Shards]string
	for shard, address := range held {
		if address == "" {
			continue
		}
		checking.Go(func() {
			encoding, digest, err := c.streams.Check(ctx, address, name(o, shard), o.MaxShardSize())
			if err == nil {
				intact.Places[shard], encodings[shard], intact.digests[shard] = address, encoding, digest
			} else if !errors.Is(err, peer.ErrCorrupt) {
				unknown[shard] = address
			}
		})
	}
	checking.Wait()
	intact.Encoding, _ = mostOf(encodings)
	for shard := range intact.Places {
		if encodings[shard] != intact.Encoding {
			intact.Places[shard] = ""
		}
	}
	return intact, unknown
}

// mostOf returns the encoding that most shards have, and how many. That of a shard may be "", not known.
func mostOf(encodings [rs.Shards]string) (most string, count int) {
	counts := map[string]int{}
	for _, encoding := range encodings {
		counts[encoding]++
		if encoding != "" && counts[encoding] > count {
			most, count = encoding, counts[encoding]
		}
	}
	return most, count
}

// name returns the name that a shard of an object has on a data service.
func name(o rs.Object, shard int) string { return rs.Name(hash.Hash(o.Hash()), shard) }
