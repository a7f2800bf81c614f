package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/common/hash"
)

// hurry is how long a data service may take for a block while there are other shards to read instead.
const hurry = 500 * time.Millisecond

// Reader gives the bytes of an object out of any four of its shards. It reads the data shards where
// it can; a block that is missing or rotten is made up for by one of another shard. It is for one goroutine
// at a time.
type Reader struct {
	ctx     context.Context
	codec   *Codec
	object  rs.Object
	sources [rs.Shards]source
	next    int64 // stripe
	asked   bool  // again, who holds shards
}

// source is one shard.
type source struct {
	shard   int
	holder  string // "" if nobody is known to hold it
	address string // the holder's, until it cannot be read
	body    *objectstream.Download
	at      int64 // the stripe that comes next in body
	right   int64 // how many stripes were read and are right
	slow    bool  // it has let us wait: it comes last now, and has more time
	tried   int64 // the stripe after the last one that it was tried for
	faulty  bool  // it could not be read, or something in it is not as it should be
}

// Read returns a reader of an object whose shards are held as places say. The caller closes it.
func (c *Codec) Read(ctx context.Context, o rs.Object, places locate.Places) *Reader {
	r := &Reader{ctx: ctx, codec: c, object: o}
	for shard, address := range places {
		r.sources[shard] = source{shard: shard, holder: address, address: address}
	}
	return r
}

// Begin has the first stripe's shards sent, so that they are on their way when WriteTo is called.
func (r *Reader) Begin() {
	if r.object.Stripes() > 0 {
		r.beginAll(r.choose(r.object.Filled(0)))
	}
}

// Lacking tells whether nobody was known to hold a shard, Faulty whether one could not be read or was
// rotten.
func (r *Reader) Lacking() bool {
	return slices.ContainsFunc(r.sources[:], func(s source) bool { return s.holder == "" })
}

func (r *Reader) Faulty() bool {
	return slices.ContainsFunc(r.sources[:], func(s source) bool { return s.faulty })
}

// Unread returns who holds the shards that were not read from end to end: of those nothing is known.
func (r *Reader) Unread() (places locate.Places) {
	for i := range r.sources {
		if s := &r.sources[i]; s.right < r.object.Stripes() {
			places[i] = s.holder
		}
	}
	return places
}

// Close ends all requests to data services.
func (r *Reader) Close() {
	for i := range r.sources {
		r.sources[i].close()
	}
}

func (s *source) close() {
	if s.body != nil {
		s.body.Close()
		s.body = nil
	}
}

func (r *Reader) loadInTurn(s *rs.Stripe) error {
	end, err := r.codec.turn(r.ctx, r.object)
	if err != nil {
		return err
	}
	defer end()
	return r.load(s, r.codec.coder.ReconstructData)
}

// load reads as many good blocks of the next stripe as there are data blocks with bytes of the object, four or
// less, and others instead of those that are not good, and has the rest made from them.
func (r *Reader) load(stripe *rs.Stripe, reconstruct func(s *rs.Stripe) error) error {
	stripe.Reset(r.object, r.next)
	for missing := r.object.Filled(r.next); missing > 0; {
		some := r.choose(missing)
		if len(some) == 0 {
			break
		}
		missing -= r.blocks(some, stripe)
		if r.ctx.Err() != nil {
			return r.ctx.Err() // the client has left
		}
	}
	if err := reconstruct(stripe); err != nil {
		return fmt.Errorf("object %s: %w", hash.Hash(r.object.Hash()), err)
	}
	r.next++
	return nil
}

// choose returns up to n shards that can be tried for the next stripe, those first that cost least.
func (r *Reader) choose(n int) []*source {
	list := r.untried()
	if len(list) == 0 && !r.asked {
		r.asked = true
		r.findMore()
		list = r.untried()
	}
	slices.SortStableFunc(list, func(a, b *source) int { return r.cost(a) - r.cost(b) })
	return list[:min(n, len(list))]
}

func (r *Reader) untried() (list []*source) {
	for i := range r.sources {
		if s := &r.sources[i]; s.address != "" && s.tried <= r.next && !r.object.Empty(i, r.next) {
			list = append(list, s)
		}
	}
	return list
}

// cost says that to go on with a shard is cheaper than to begin, and that nobody likes to wait.
func (r *Reader) cost(s *source) int {
	switch {
	case s.slow:
		return 2
	case s.body != nil && s.at == r.next:
		return 0
	}
	return 1
}

// findMore asks who holds the shards that nobody was known to hold: a data service that did not answer
// in time may have what is needed now.
func (r *Reader) findMore() {
	places, _, err := r.codec.locator.Locate(r.ctx, hash.Hash(r.object.Hash()).Hex())
	if err != nil {
		return // then there are too few shards
	}
	for shard, address := range places {
		if s := &r.sources[shard]; address != "" && address != s.holder {
			s.close()
			s.holder, s.address, s.tried = address, address, 0
		}
	}
}

// blocks reads what some shards have of a stripe, and returns how many of them are right. They are read in turn:
// what the others send meanwhile waits in the kernel.
func (r *Reader) blocks(some []*source, stripe *rs.Stripe) (right int) {
	for _, s := range some {
		s.tried = r.next + 1
	}
	r.beginAll(some)
	for _, s := range some {
		if s.body != nil && r.block(s, stripe) {
			right++
		}
	}
	return right
}

// beginAll has all begin at once, the last in this goroutine: of a small object it is the only one.
func (r *Reader) beginAll(some []*source) {
	var beginning sync.WaitGroup
	defer beginning.Wait()
	for i, s := range some {
		switch {
		case s.body != nil && s.at == r.next: // it goes on
		case i == len(some)-1:
			r.begin(s)
		default:
			beginning.Go(func() { r.begin(s) })
		}
	}
}

// begin has s go on at the next stripe. Before the first one it looks at the header: blocks behind a
// rotten one may be right.
func (r *Reader) begin(s *source) {
	s.close()
	s.at = r.next
	from := r.object.OffsetInShard(r.next)
	if r.next == 0 {
		from = 0
	}
	var err error
	name := rs.Name(hash.Hash(r.object.Hash()), s.shard)
	if s.body, err = r.codec.streams.Get(r.ctx, s.address, name, from, s.patience()); err != nil {
		r.failed(s, err)
		return
	}
	s.faulty = s.faulty || s.body.Size != r.object.ShardSize()-from
	if from > 0 {
		return
	}
	header := make([]byte, rs.HeaderSize)
	if err := s.body.Fill(header, s.patience()); err != nil {
		r.failed(s, err)
		return
	}
	s.faulty = s.faulty || !bytes.Equal(header, r.object.Header(s.shard))
}

// block reads a shard's block of the stripe and tells whether it is right. A shard with a rotten block is
// tried again for the next stripe.
func (r *Reader) block(s *source, stripe *rs.Stripe) bool {
	err := stripe.Read(s.shard, func(stored []byte) error { return s.body.Fill(stored, s.patience()) })
	rotten := errors.Is(err, rs.ErrRotten)
	if err != nil && !rotten {
		r.failed(s, err)
		return false
	}
	s.at++
	if rotten {
		s.faulty = true
		return false
	}
	s.right++
	return true
}

// failed leaves a shard that cannot be read. One that is slow is tried again, when there is no other.
func (r *Reader) failed(s *source, err error) {
	s.close()
	if r.ctx.Err() == nil { // the client's leaving says nothing about shards
		s.faulty = true
	}
	if errors.Is(err, objectstream.ErrStalled) && !s.slow {
		s.slow, s.tried = true, r.next
	} else {
		s.address = ""
	}
}

func (s *source) patience() time.Duration {
	if s.slow {
		return objectstream.StallPatience
	}
	return hurry
}
