package erasure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// enough is how many shards must be durable before a PUT is acknowledged: one more than are needed to
// read it.
const enough = rs.DataShards + 1

var errBrokeOff = errors.New("the object broke off")

// Write sends the shards of an object that are not held yet to where they are wanted. body has the
// object's bytes. It returns nil when at least five shards are durable, held ones included. One data
// service that dies or stalls does not fail it.
func (c *Codec) Write(ctx context.Context, o rs.Object, body io.Reader, held, wanted locate.Places) error {
	return c.send(ctx, o, held, wanted, func(s *rs.Stripe) error {
		for _, piece := range s.Data(0, s.Len()) {
			if _, err := io.ReadFull(body, piece); err != nil {
				return err
			}
		}
		return c.coder.Encode(s)
	})
}

// send fills one stripe after the other and sends the shards of it that are wanted and not held. It
// asks data services for nothing before the first stripe is there.
func (c *Codec) send(ctx context.Context, o rs.Object, held, wanted locate.Places, fill func(s *rs.Stripe) error) error {
	f := &fanout{object: o, free: make(chan *shared, stripesAtOnce)}
	for shard, address := range wanted {
		if held[shard] == "" && address != "" {
			f.addBranch(shard, address)
		}
	}
	stripes := min(stripesAtOnce, o.Stripes())
	for range stripes {
		f.free <- &shared{stripe: c.stripe(o)}
	}
	var sending sync.WaitGroup
	end := func() {}
	err := f.produce(fill, func() (err error) {
		if end, err = c.turn(ctx, o); err != nil {
			end = func() {}
			return err
		}
		for _, b := range f.branches {
			sending.Go(func() { b.run(ctx, c.streams) })
		}
		return nil
	})
	defer func() { end() }()
	f.end(err == nil)
	sending.Wait()
	for range stripes {
		c.giveBack(o, (<-f.free).stripe)
	}
	if err != nil {
		f.each(func(b *branch) { b.drop(ctx) })
		return err
	}
	return f.commit(ctx, held.Known())
}

// shared is a stripe on its way to several data services.
type shared struct {
	stripe *rs.Stripe
	users  atomic.Int32
}

// fanout gives every stripe to all branches, and takes it back from the last.
type fanout struct {
	object   rs.Object
	free     chan *shared
	branches []*branch
}

// branch is the way of one shard to a data service.
type branch struct {
	*fanout
	shard   int
	address string
	stripes chan *shared // has room for all that there are, so that a slow branch does not hold up the others' turn
	whole   bool         // all stripes were given; set before stripes is closed

	upload *objectstream.Upload
	err    error

	reading sync.Mutex    // of what follows
	stop    chan struct{} // closed when nothing is to be read any more
	current *shared       // being sent
	rest    []byte        // what is left to send of it, or of the header
}

func (f *fanout) addBranch(shard int, address string) {
	f.branches = append(f.branches, &branch{
		fanout: f, shard: shard, address: address, stripes: make(chan *shared, stripesAtOnce),
		stop: make(chan struct{}), rest: f.object.Header(shard),
	})
}

func (f *fanout) each(do func(b *branch)) {
	var working sync.WaitGroup
	for _, b := range f.branches {
		working.Go(func() { do(b) })
	}
	working.Wait()
}

// produce fills stripes as they come free. It calls start when the first is filled, or there is none.
func (f *fanout) produce(fill func(s *rs.Stripe) error, start func() error) error {
	if f.object.Stripes() == 0 {
		return start()
	}
	for n := range f.object.Stripes() {
		s := <-f.free
		s.stripe.Reset(f.object, n)
		err := fill(s.stripe)
		if err == nil && n == 0 {
			err = start()
		}
		if err != nil {
			f.free <- s
			return err
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
	b.upload, b.err = streams.Begin(ctx, b.address, rs.Name(hash.Hash(b.object.Hash()), b.shard), b.object.ShardSize())
	if b.err == nil {
		b.err = b.upload.Send(ctx, b)
	}
	close(b.stop)
	b.reading.Lock() // net/http may be reading still when a request has failed
	defer b.reading.Unlock()
	b.letGo()
	for s := range b.stripes {
		b.release(s)
	}
}

func (b *branch) letGo() {
	if b.current != nil {
		b.release(b.current)
	}
	b.current, b.rest = nil, nil
}

// Read gives the bytes of the shard file.
func (b *branch) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if len(b.rest) == 0 {
		b.letGo()
		if err := b.await(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// await takes the next stripe. After stop it takes none.
func (b *branch) await() error {
	select {
	case <-b.stop:
		return errBrokeOff
	case s, more := <-b.stripes:
		if !more && b.whole {
			return io.EOF
		}
		if !more {
			return errBrokeOff
		}
		b.current, b.rest = s, s.stripe.Shard(b.shard)
		return nil
	}
}

func (b *branch) drop(ctx context.Context) {
	if b.upload != nil {
		b.upload.Drop(ctx)
	}
}

// commit makes the shards that were sent durable, if they are enough with those that are held.
func (f *fanout) commit(ctx context.Context, held int) error {
	if held+f.sound() < enough {
		f.each(func(b *branch) { b.drop(ctx) })
		return f.tooFew(held)
	}
	f.each(func(b *branch) {
		if b.err == nil {
			b.err = b.upload.Commit(ctx)
		} else {
			b.drop(ctx)
		}
	})
	if held+f.sound() < enough {
		return f.tooFew(held)
	}
	return nil
}

// sound returns how many branches have not failed.
func (f *fanout) sound() (n int) {
	for _, b := range f.branches {
		if b.err == nil {
			n++
		}
	}
	return n
}

func (f *fanout) tooFew(held int) error {
	var errs []error
	for _, b := range f.branches {
		errs = append(errs, b.err)
	}
	return fmt.Errorf("%w: %w", httpd.Unavailable("%d of %d shards could be kept, %d are needed: try again", held+f.sound(), rs.Shards, enough), errors.Join(errs...))
}
