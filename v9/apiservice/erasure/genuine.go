package erasure

import (
	"context"
	"errors"
	"io"
	"math/bits"

	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
)

// Genuine returns four of the held shards that give bytes with the object's hash, or none. It is for an
// object with a shard whose checksums fit and whose blocks are of other content: it reads the object from
// every four shards, fifteen times at most.
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

// quarantineForeign has data services quarantine the shards that are not of the object. One is foreign if
// it gives another hash together with three genuine ones.
func (c *Codec) quarantineForeign(ctx context.Context, o rs.Object, held placement.Places) error {
	genuine := c.Genuine(ctx, o, held)
	if genuine.Known() == 0 {
		return errors.New("no four shards have the object's hash")
	}
	three := genuine
	for shard := range three {
		if three[shard] != "" {
			three[shard] = ""
			break
		}
	}
	for shard, address := range held.Without(genuine) {
		four := three
		four[shard] = address
		if address == "" || !errors.Is(c.verify(ctx, o, four), hash.ErrMismatch) {
			continue
		}
		if err := c.streams.Quarantine(ctx, address, name(o, shard)); err != nil {
			return err
		}
	}
	return nil
}
