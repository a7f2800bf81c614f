package erasure

import (
	"context"
	"fmt"
	"io"
	"slices"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/hash"
)

// Reader gives the bytes of an object out of any four of its shards. It reads the data shards where
// it can; a block that is missing or rotten is made up for by one of another shard. It does not look
// at the hash of the whole. It is for one goroutine at a time.
type Reader struct {
	ctx     context.Context
	codec   *Codec
	object  rs.Object
	sources [rs.Shards]*source
	next    int64 // stripe
	stripe  *rs.Stripe
	pieces  [rs.DataShards][]byte // of the stripe, not given yet
	suspect bool
}

// source is one shard.
type source struct {
	shard   int
	address string // empty: there is none
	body    io.ReadCloser
	at      int64 // the stripe that comes next in body
}

// Read returns a reader of an object whose shards are held as places say. The caller closes it.
func (c *Codec) Read(ctx context.Context, o rs.Object, places locate.Places) *Reader {
	r := &Reader{ctx: ctx, codec: c, object: o, stripe: c.stripe(o)}
	for shard, address := range places {
		r.sources[shard] = &source{shard: shard, address: address}
		r.suspect = r.suspect || address == ""
	}
	return r
}

// Suspect tells whether a shard was missing, could not be read or was rotten.
func (r *Reader) Suspect() bool { return r.suspect }

// Close ends all requests to data services.
func (r *Reader) Close() {
	for _, s := range r.sources {
		s.close()
	}
	r.codec.giveBack(r.object, r.stripe)
}

func (s *source) close() {
	if s.body != nil {
		_ = s.body.Close() // read enough of it
		s.body = nil
	}
}

func (r *Reader) Read(p []byte) (int, error) {
	for {
		for i, piece := range r.pieces {
			if len(piece) > 0 {
				n := copy(p, piece)
				r.pieces[i] = piece[n:]
				return n, nil
			}
		}
		if r.next == r.object.Stripes() {
			return 0, io.EOF
		}
		if err := r.loadInTurn(); err != nil {
			return 0, err
		}
		r.pieces = r.stripe.Data(0, r.stripe.Len())
	}
}

func (r *Reader) loadInTurn() error {
	end, err := r.codec.turn(r.ctx, r.object)
	if err != nil {
		return err
	}
	defer end()
	return r.load(r.stripe, r.codec.coder.ReconstructData)
}

// load reads four good blocks of the next stripe and has the others made from them.
func (r *Reader) load(stripe *rs.Stripe, reconstruct func(s *rs.Stripe) error) error {
	stripe.Reset(r.object, r.next)
	good := 0
	for _, s := range r.byPreference() {
		if good == rs.DataShards {
			break
		}
		if s.address == "" {
			continue
		}
		err := r.block(s, stripe)
		if r.ctx.Err() != nil {
			return r.ctx.Err() // the client has left: that says nothing about shards
		}
		if err != nil {
			r.suspect = true
			continue
		}
		good++
	}
	if err := reconstruct(stripe); err != nil {
		return fmt.Errorf("object %s: %w", hash.Hash(r.object.Hash()), err)
	}
	r.next++
	return nil
}

// byPreference has the shards first that are being read already: to go on is cheaper than to begin.
func (r *Reader) byPreference() []*source {
	list := slices.Clone(r.sources[:])
	slices.SortStableFunc(list, func(a, b *source) int { return r.cost(a) - r.cost(b) })
	return list
}

func (r *Reader) cost(s *source) int {
	if s.body != nil && s.at == r.next {
		return 0
	}
	return 1
}

// block reads a shard's block of the stripe and looks whether it is right. A shard that cannot be read
// is not tried again; one with a rotten block is.
func (r *Reader) block(s *source, stripe *rs.Stripe) error {
	if err := r.seek(s); err != nil {
		s.close()
		s.address = ""
		return err
	}
	if _, err := io.ReadFull(s.body, stripe.Shard(s.shard)); err != nil {
		s.close()
		s.address = ""
		return err
	}
	s.at++
	return stripe.Verify(s.shard)
}

// seek has s go on at the next stripe.
func (r *Reader) seek(s *source) (err error) {
	if s.body != nil && s.at == r.next {
		return nil
	}
	s.close()
	s.at = r.next
	name := rs.Name(hash.Hash(r.object.Hash()), s.shard)
	s.body, err = r.codec.streams.Get(r.ctx, s.address, name, r.object.OffsetInShard(r.next))
	return err
}
