package erasure

import (
	"context"

	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
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
	table  *rs.Table // of the stripes so far
	shards *shardWriters
}

// Parts returns the parts of an upload that are where places say, and were claimed under epoch. The table
// has the stripes that they have.
func (c *Codec) Parts(o rs.Object, id hash.Hash, epoch int64, table *rs.Table, places placement.Places) *Parts {
	p := &Parts{c, o, id, epoch, table, &shardWriters{quorum: WriteQuorum}}
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
	p.end(ctx)
	return p.Close(ctx)
}

// end writes the table if no stripe is missing.
func (p *Parts) end(ctx context.Context) {
	if p.table.Complete() {
		p.shards.each(func(w *shardWriter) { w.write(ctx, p.table.Stored(w.shard)) })
	}
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
	return p.append(ctx, s)
}

func (p *Parts) append(ctx context.Context, s *rs.Stripe) error {
	p.table.Add(s)
	p.shards.write(ctx, s)
	p.end(ctx)
	return p.shards.check()
}

// Table returns the entries of the stripes so far.
func (p *Parts) Table() []byte { return p.table.Bytes() }

// Close ends the requests.
func (p *Parts) Close(ctx context.Context) error {
	p.shards.each(func(w *shardWriter) { w.end(ctx, nil) })
	return p.shards.check()
}

// Checkpoint makes durable what was written.
func (p *Parts) Checkpoint(ctx context.Context, next objectstream.Checkpoint) error {
	if !next.New {
		next.Length = p.table.ShardSize()
	}
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

// Restore makes the missing parts anew, on data services in order. They become durable with the next
// checkpoint.
func (p *Parts) Restore(ctx context.Context, order []string, state []byte) error {
	var held placement.Places
	for _, w := range p.shards.writers {
		held[w.shard] = w.address
	}
	more := p.codec.Parts(p.object, p.id, p.epoch, rs.NewTable(p.object), held.Spread(order).Without(held))
	more.shards.quorum -= held.Known()
	if err := more.Begin(ctx, state); err != nil {
		return err
	}
	more.Open(ctx)
	err := more.copyFrom(ctx, held, p.table)
	more.shards.each(func(w *shardWriter) { w.end(ctx, err) })
	p.shards.writers = append(p.shards.writers, more.shards.writers...)
	return err
}

// copyFrom writes the stripes that other parts have, as they are encoded there.
func (p *Parts) copyFrom(ctx context.Context, held placement.Places, table *rs.Table) error {
	to := min(table.Stripes()*rs.StripeSize, p.object.Size())
	reader := p.codec.open(ctx, p.object, "uploads/"+p.id.Hex(), held, table, 0, to)
	defer reader.Close()
	for range table.Stripes() {
		stripe, err := reader.Stripe()
		if err != nil {
			return err
		}
		if err := p.append(ctx, stripe); err != nil {
			return err
		}
	}
	return nil
}
