package erasure

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"

	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/httpd"
	"gostore/common/peer"
)

// WriteQuorum is how many shards must be durable before a PUT is acknowledged: one more than a read
// needs, and on as many data services as a read needs shards.
const WriteQuorum = rs.DataShards + 1

// Stripes returns the stripes of an object one after the other, encoded. It fails before the last of them
// if the object has another hash.
type Stripes func() (*rs.Stripe, error)

// Encoded returns the stripes of an object whose bytes body has. It fails as body does, and with
// ErrOtherEncoding if the shards that are there already have an encoding, other than "", that these would
// not have. The caller calls end when it uses none of them any more.
func (c *Codec) Encoded(o rs.Object, body io.Reader, encoding string) (next Stripes, end func()) {
	stripe, table := c.newStripe(o), rs.NewTable(o)
	return func() (*rs.Stripe, error) {
		stripe.Reset(table.Stripes())
		if _, err := io.ReadFull(body, stripe.Data()); err != nil {
			return nil, err
		}
		if err := c.coder.Encode(stripe); err != nil {
			return nil, err
		}
		table.Add(stripe)
		if encoding != "" && table.Complete() && table.Encoding().Hex() != encoding {
			return nil, ErrOtherEncoding
		}
		return stripe, nil
	}, func() { c.recycle(stripe) }
}

// Write sends those shards of an object that to has a place for; held are intact already, and quarantined if
// they are of other content, and of the same encoding. Data services in order replace those that refuse.
// Write returns nil when the quorum is met, held shards included; one data service that dies or stalls in the
// middle does not fail it. If it is not met, all shards are dropped.
func (c *Codec) Write(ctx context.Context, o rs.Object, stripes Stripes, held Held, to placement.Places, order []string, quorum int) error {
	targets := placement.NewTargets(held.Places, to, order)
	s := &shardWriters{quorum: quorum}
	for shard, address := range held.Places {
		if address != "" {
			same := &comparison{c.streams, address, name(o, shard), held.digests[shard]}
			s.writers = append(s.writers, &shardWriter{shard: shard, address: address, upload: same})
		}
	}
	for shard, address := range to {
		if address != "" {
			s.writers = append(s.writers, &shardWriter{shard: shard, address: address})
		}
	}
	s.each(func(w *shardWriter) { w.begin(ctx, c.streams, o, targets) })
	err := s.send(ctx, o, stripes)
	s.each(func(w *shardWriter) { w.end(ctx, err) })
	if err = cmp.Or(err, s.check()); err != nil {
		s.each(func(w *shardWriter) { w.upload.Drop(ctx) })
		return err
	}
	s.each(func(w *shardWriter) { w.commit(ctx) })
	return s.check()
}

// send sends the headers, every stripe and the tables, if enough data services take them. It waits for the
// slowest data service at each stripe, so one stripe is in memory.
func (s *shardWriters) send(ctx context.Context, o rs.Object, stripes Stripes) error {
	if err := s.check(); err != nil {
		return err
	}
	s.each(func(w *shardWriter) { w.write(ctx, o.Header(w.shard)) })
	table := rs.NewTable(o)
	for range o.Stripes() {
		stripe, err := stripes()
		if err != nil {
			return err
		}
		table.Add(stripe)
		s.write(ctx, stripe)
	}
	s.each(func(w *shardWriter) { w.write(ctx, table.Stored(w.shard)) })
	return nil
}

// shardWriters are the ways of an object's shards to data services.
type shardWriters struct {
	writers []*shardWriter
	quorum  int
}

// each calls do concurrently for every shard that has not failed, and returns when all have returned.
func (s *shardWriters) each(do func(w *shardWriter)) {
	var working sync.WaitGroup
	for _, w := range s.writers {
		if w.err == nil {
			working.Go(func() { do(w) })
		}
	}
	working.Wait()
}

// write sends an encoded stripe.
func (s *shardWriters) write(ctx context.Context, stripe *rs.Stripe) {
	s.each(func(w *shardWriter) {
		block, sum := stripe.Stored(w.shard)
		w.write(ctx, block, sum)
	})
}

// check returns an error if there is no quorum without the shards that have failed, 507 if only
// full disks are in the way.
func (s *shardWriters) check() error {
	var stored placement.Places
	var failed []error
	for _, w := range s.writers {
		if w.err == nil {
			stored[w.shard] = w.address
		} else {
			failed = append(failed, w.err)
		}
	}
	if stored.Known() >= s.quorum && stored.Holders() >= min(s.quorum-1, rs.DataShards) {
		return nil
	}
	if refused := peer.Refusal(failed); peer.IsFull(refused) {
		return refused
	}
	refusal := httpd.Unavailable("%d of %d shards could be stored, on %d data services; %d on %d are needed: try again",
		stored.Known(), rs.Shards, stored.Holders(), s.quorum, s.quorum-1)
	return errors.Join(append([]error{refusal}, failed...)...)
}

// shardWriter is the way of one shard to a data service.
type shardWriter struct {
	shard   int
	address string
	upload  upload
	pipe    *io.PipeWriter // to the body of the upload's request
	sent    chan error     // what becomes of that request
	err     error          // why the shard is not stored; nothing of it is left then
}

// upload is where a shard goes: an objectstream.Upload, an objectstream.Part, or a comparison.
type upload interface {
	Send(ctx context.Context, body io.Reader) error
	Commit(ctx context.Context) error
	Drop(ctx context.Context)
}

// begin begins the upload, to another data service if one refuses.
func (w *shardWriter) begin(ctx context.Context, streams *objectstream.Client, o rs.Object, targets *placement.Targets) {
	if w.upload != nil {
		w.send(ctx)
		return
	}
	for {
		w.upload, w.err = streams.Begin(ctx, w.address, name(o, w.shard), o.MaxShardSize())
		if w.err == nil {
			w.send(ctx)
			return
		}
		other := targets.Replace(w.shard, w.address)
		if other == "" || ctx.Err() != nil {
			return
		}
		w.address = other
	}
}

// send starts the request that sends what is written to the pipe. end waits for it.
func (w *shardWriter) send(ctx context.Context) {
	body, pipe := io.Pipe()
	w.pipe, w.sent = pipe, make(chan error, 1)
	go func() {
		err := w.upload.Send(ctx, body)
		_ = body.CloseWithError(cmp.Or(err, io.ErrClosedPipe)) // always nil
		w.sent <- err
	}()
}

// write returns when the pieces have been handed to the connection.
func (w *shardWriter) write(ctx context.Context, pieces ...[]byte) {
	for _, piece := range pieces {
		if _, err := w.pipe.Write(piece); err != nil {
			w.end(ctx, err)
			return
		}
	}
}

// end ends the body of the request, with an error if there is one, and waits for the answer.
func (w *shardWriter) end(ctx context.Context, err error) {
	_ = w.pipe.CloseWithError(err) // always nil
	if w.err = cmp.Or(<-w.sent, err); w.err != nil {
		w.upload.Drop(ctx)
	}
}

// commit makes the shard durable.
func (w *shardWriter) commit(ctx context.Context) {
	if w.err = w.upload.Commit(ctx); w.err != nil {
		w.upload.Drop(ctx)
	}
}
