package maintenance

import (
	"context"
	"sync"
	"time"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// attempts is how often a claim is tried: a data service may answer late.
const attempts = 3

// Claims protect content from the collector. Its methods may be called by several goroutines at once.
type Claims struct {
	locator *locate.Locator
	streams *objectstream.Client
}

// NewClaims returns claims.
func NewClaims(locator *locate.Locator, streams *objectstream.Client) *Claims {
	return &Claims{locator, streams}
}

// Claim claims as many shards of a content as must be durable before a PUT is acknowledged. It returns
// when the claim ends. The error is an answer for the client.
func (c *Claims) Claim(ctx context.Context, content hash.Hash) (until time.Time, err error) {
	for range attempts {
		start := time.Now()
		held, sure, err := c.locator.Locate(ctx, content.Hex())
		if err != nil {
			return until, err
		}
		claimed, age := c.claim(ctx, content, held)
		if claimed.Known() >= erasure.WriteQuorum && claimed.Holders() >= rs.DataShards {
			return start.Add(age), nil
		}
		if sure {
			break
		}
	}
	return until, httpd.Unavailable("too few shards of the content are stored any more: try again")
}

// claim returns the shards that could be claimed, and for how long all of them are.
func (c *Claims) claim(ctx context.Context, content hash.Hash, held placement.Places) (claimed placement.Places, age time.Duration) {
	var ages [rs.Shards]time.Duration
	var claiming sync.WaitGroup
	for shard, address := range held {
		if address == "" {
			continue
		}
		claiming.Go(func() {
			var err error
			if ages[shard], err = c.streams.Claim(ctx, address, rs.Name(content, shard)); err == nil {
				claimed[shard] = address
			}
		})
	}
	claiming.Wait()
	age = time.Duration(1<<63 - 1)
	for shard, address := range claimed {
		if address != "" {
			age = min(age, ages[shard])
		}
	}
	return claimed, age
}
