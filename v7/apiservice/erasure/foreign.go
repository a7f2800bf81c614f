package erasure

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/bits"

	"gostore/chapter7/apiservice/objectstream"
	"gostore/chapter7/apiservice/placement"
	"gostore/chapter7/rs"
	"gostore/common/hash"
)

// Genuine returns four of the held shards that give bytes with the object's hash, or none. It is for an
// object with a foreign shard: its checksums fit, and its blocks are of other content. Genuine reads the
// object from every four shards, fifteen times at most.
func (c *Codec) Genuine(ctx context.Context, o rs.Object, held placement.Places) placement.Places {
	for chosen := range uint(1 << rs.Shards) {
		four := held
		for shard := range four {
			if chosen>>shard&1 == 0 {
				four[shard] = ""
			}
		}
		if bits.OnesCount(chosen) == rs.DataShards && four.Known() == rs.DataShards && c.verify(ctx, o, four) == nil {
			return four
		}
	}
	return placement.Places{}
}

// verify reads an object and returns the error of that.
func (c *Codec) verify(ctx context.Context, o rs.Object, held placement.Places) error {
	reader := c.Open(ctx, o, held)
	defer reader.Close()
	_, err := io.Copy(io.Discard, reader)
	return err
}

// comparison is an upload of a shard that is held already: nothing is sent, and a foreign one is quarantined.
type comparison struct {
	streams       *objectstream.Client
	address, name string
	digest        hash.Hash
}

// Send returns an error that wraps hash.ErrMismatch if the shard is foreign.
func (c *comparison) Send(ctx context.Context, body io.Reader) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil || hash.Hash(sum.Sum(nil)) == c.digest {
		return err
	}
	if err := c.streams.Quarantine(ctx, c.address, c.name); err != nil {
		return err
	}
	return fmt.Errorf("%w: shard %s is of other content", hash.ErrMismatch, c.name)
}

// Commit does nothing: the shard is durable.
func (*comparison) Commit(context.Context) error { return nil }

// Drop does nothing: the shard is not this request's.
func (*comparison) Drop(context.Context) {}
