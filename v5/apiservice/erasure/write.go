package erasure

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/common/hash"
)

// enough is how many shards must be durable before a PUT is acknowledged: one more than are needed to
// read it.
const enough = rs.DataShards + 1

var errBrokeOff = errors.New("the object broke off")

// Write sends the shards of an object that are not held yet to where they are wanted, or, where a data
// service does not take one, to another. body has the object's bytes. It returns nil when at least five
// shards are durable, held ones included. One data service that dies or stalls in the middle does not
// fail it.
func (c *Codec) Write(ctx context.Context, o rs.Object, body io.Reader, held, wanted locate.Places) error {
	to := newTargets(held, wanted, false)
	_, err := c.send(ctx, o, to, func(s *rs.Stripe) error {
		if _, err := io.ReadFull(body, s.Data()); err != nil {
			return err
		}
		return c.coder.Encode(s)
	})
	if err == nil { // one shard may not have been kept: who reads the object misses it, and has it made anew
		c.locator.Remember(hash.Hash(o.Hash()).Hex(), to.places)
	}
	return err
}

// send has fill make one stripe after the other, and those shards kept that are lacking. It returns an
// error for every one of them, nil for those that are durable, and an error if they are too few.
func (c *Codec) send(ctx context.Context, o rs.Object, to *targets, fill func(s *rs.Stripe) error) ([]error, error) {
	keep := c.stream
	if o.Stripes() <= small {
		keep = c.keep
	}
	errs, err := keep(ctx, o, to, fill)
	if err == nil {
		err = to.sufficient(errs)
	}
	return errs, err
}

// stream sends every stripe as soon as it is filled, and asks data services for nothing before the first
// is. In the end it has the shards made durable, or dropped if too few were sent.
func (c *Codec) stream(ctx context.Context, o rs.Object, to *targets, fill func(s *rs.Stripe) error) ([]error, error) {
	f := &fanout{object: o, to: to, free: make(chan *shared, stripesAtOnce)}
	for _, shard := range to.lacking() {
		f.addBranch(shard)
	}
	for range stripesAtOnce {
		f.free <- &shared{stripe: c.stripe(o)}
	}
	var sending sync.WaitGroup
	err := f.produce(fill, func() {
		for _, b := range f.branches {
			sending.Go(func() { b.run(ctx, c.streams) })
		}
	})
	f.end(err == nil)
	sending.Wait()
	for range stripesAtOnce {
		c.giveBack(o, (<-f.free).stripe)
	}
	if err == nil {
		err = to.sufficient(f.errors())
	}
	if err != nil {
		f.each(func(b *branch) { b.drop(ctx) })
		return nil, err
	}
	f.each(func(b *branch) { b.commit(ctx) })
	return f.errors(), nil
}

// shared is a stripe on its way to several data services.
type shared struct {
	stripe *rs.Stripe
	users  atomic.Int32
}

// fanout gives every stripe to all branches, and takes it back from the last.
type fanout struct {
	object   rs.Object
	to       *targets
	free     chan *shared
	branches []*branch
}

// branch is the way of one shard to a data service.
type branch struct {
	*fanout
	shard   int
	stripes chan *shared // has room for all that there are, so that a slow branch does not hold up the others' turn
	whole   bool         // all stripes were given; set before stripes is closed

	upload  *objectstream.Upload
	err     error
	current *shared // being sent
	begun   bool    // the header was given
}

func (f *fanout) addBranch(shard int) {
	f.branches = append(f.branches, &branch{
		fanout: f, shard: shard, stripes: make(chan *shared, stripesAtOnce),
	})
}

func (f *fanout) each(do func(b *branch)) {
	var working sync.WaitGroup
	for _, b := range f.branches {
		working.Go(func() { do(b) })
	}
	working.Wait()
}

// produce fills stripes as they come free. It calls start when the first is filled.
func (f *fanout) produce(fill func(s *rs.Stripe) error, start func()) error {
	for n := range f.object.Stripes() {
		s := <-f.free
		s.stripe.Reset(f.object, n)
		if err := fill(s.stripe); err != nil {
			f.free <- s
			return err
		}
		if n == 0 {
			start()
		}
		s.users.Store(int32(len(f.branches)) + 1)
		for _, b := range f.branches {
			b.stripes <- s
		}
		f.release(s)
	}
	return nil
}

func (f *fanout) end(whole bool) {
	for _, b := range f.branches {
		b.whole = whole
		close(b.stripes)
	}
}

func (f *fanout) release(s *shared) {
	if s.users.Add(-1) == 0 {
		f.free <- s
	}
}

// run sends the shard. When it cannot, it lets the stripes pass.
func (b *branch) run(ctx context.Context, streams Streams) {
	b.err = b.to.try(ctx, b.shard, func(address string) (err error) {
		b.upload, err = streams.Begin(ctx, address, rs.Name(hash.Hash(b.object.Hash()), b.shard), b.object.ShardSize())
		return err
	})
	if b.err == nil {
		b.err = b.upload.Send(ctx, b.next)
	}
	b.letGo()
	for s := range b.stripes {
		b.release(s)
	}
}

func (b *branch) letGo() {
	if b.current != nil {
		b.release(b.current)
		b.current = nil
	}
}

// next gives the header, and then what each stripe has of the shard.
func (b *branch) next() (net.Buffers, error) {
	if !b.begun {
		b.begun = true
		return net.Buffers{b.object.Header(b.shard)}, nil
	}
	b.letGo()
	s, more := <-b.stripes
	switch {
	case more:
		b.current = s
		return s.stripe.Shard(b.shard), nil
	case b.whole:
		return nil, io.EOF
	}
	return nil, errBrokeOff
}

func (b *branch) drop(ctx context.Context) {
	if b.upload != nil {
		b.upload.Drop(ctx)
	}
}

// commit makes the shard durable if it was sent.
func (b *branch) commit(ctx context.Context) {
	if b.err != nil {
		b.drop(ctx)
		return
	}
	b.err = b.upload.Commit(ctx)
}

// errors has an entry for every branch, nil for those that have not failed.
func (f *fanout) errors() (errs []error) {
	for _, b := range f.branches {
		errs = append(errs, b.err)
	}
	return errs
}
