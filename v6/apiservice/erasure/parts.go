package erasure

import (
	"context"
	"io"

	"gostore/chapter6/apiservice/objectstream"
	"gostore/chapter6/apiservice/placement"
	"gostore/chapter6/rs"
	"gostore/common/hash"
)

// Parts are the shards of an object that comes piece by piece. They are written stripe by stripe, as those
// of a PUT, and become durable at checkpoints. A part that fails is out of the upload. One goroutine at a
// time may use them.
type Parts struct {
	codec  *Codec
	object rs.Object
	id     hash.Hash // of the upload, which is not that of its content
	epoch  int64
	shards *shardWriters
}

// Parts returns the parts of an upload that are where places say, and were claimed under epoch.
func (c *Codec) Parts(o rs.Object, id hash.Hash, epoch int64, places placement.Places) *Parts {
	p := &Parts{c, o, id, epoch, &shardWriters{quorum: WriteQuorum}}
	for shard, address := range places {
		if address != "" {
			part := c.streams.NewPart(address, rs.Name(id, shard), epoch)
			p.shards.writers = append(p.shards.writers, &shardWriter{shard: shard, address: address, upload: part})
		}
	}
	return p
}

// Begin makes the parts on the data services.
func (p *Parts) Begin(ctx context.Context, state []byte) error {
	if err := p.Checkpoint(ctx, objectstream.Checkpoint{New: true, State: state}); err != nil {
		return err
	}
	p.Open(ctx)
	p.shards.each(func(w *shardWriter) { w.write(ctx, p.object.Header(w.shard)) })
	return p.Close(ctx)
}

// Open begins the requests that append stripes; nobody else can claim the upload until Close.
func (p *Parts) Open(ctx context.Context) {
	p.shards.each(func(w *shardWriter) { w.send(ctx) })
}

// Write encodes and appends a stripe. The error says that there is no write quorum any more.
func (p *Parts) Write(ctx context.Context, s *rs.Stripe) error {
	if err := p.codec.coder.Encode(s); err != nil {
		return err
	}
	p.shards.write(ctx, s)
	return p.shards.check()
}

// Close ends the requests.
func (p *Parts) Close(ctx context.Context) error {
	p.shards.each(func(w *shardWriter) { w.end(ctx, nil) })
	return p.shards.check()
}

// Checkpoint makes durable what was written.
func (p *Parts) Checkpoint(ctx context.Context, next objectstream.Checkpoint) error {
	p.shards.each(func(w *shardWriter) {
		part := w.upload.(*objectstream.Part)
		part.Next = next
		w.commit(ctx)
	})
	return p.shards.check()
}

// Drop leaves nothing of the upload.
func (p *Parts) Drop(ctx context.Context) {
	p.shards.each(func(w *shardWriter) { w.upload.Drop(ctx) })
}

// Restore makes the missing parts anew, of so many stripes as were written, on data services in order.
// They become durable with the next checkpoint.
func (p *Parts) Restore(ctx context.Context, stripes int64, order []string, state []byte) error {
	var held placement.Places
	for _, w := range p.shards.writers {
		held[w.shard] = w.address
	}
	more := p.codec.Parts(p.object, p.id, p.epoch, held.Spread(order).Without(held))
	more.shards.quorum -= held.Known()
	if err := more.Begin(ctx, state); err != nil {
		return err
	}
	more.Open(ctx)
	err := more.copyFrom(ctx, held, stripes)
	more.shards.each(func(w *shardWriter) { w.end(ctx, err) })
	p.shards.writers = append(p.shards.writers, more.shards.writers...)
	return err
}

// copyFrom writes stripes that are read from other parts.
func (p *Parts) copyFrom(ctx context.Context, held placement.Places, stripes int64) error {
	reader := p.codec.open(ctx, p.object, "uploads/"+p.id.Hex(), held, 0, min(stripes*rs.StripeSize, p.object.Size()))
	defer reader.Close()
	stripe := rs.NewStripe(p.object)
	for n := range stripes {
		stripe.Reset(n)
		if _, err := io.ReadFull(reader, stripe.Data()); err != nil {
			return err
		}
		if err := p.Write(ctx, stripe); err != nil {
			return err
		}
	}
	return nil
}
