package erasure

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	stdhash "hash"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"gostore/chapter8/apiservice/objectstream"
	"gostore/chapter8/apiservice/placement"
	"gostore/chapter8/rs"
	"gostore/common/hash"
	"gostore/common/peer"
)

// blockTimeout is how long a data service may take for a block while there are other shards to read.
const blockTimeout = 500 * time.Millisecond

// Reader reads the bytes of an object from any four of its shards: from the data shards where it can,
// and block by block from another shard for one that is missing, late or corrupt. If it reads all stripes
// it holds the last one back until the object's hash is verified; of a part only the checksums of the
// blocks can be. One goroutine at a time may use it.
type Reader struct {
	ctx      context.Context
	codec    *Codec
	object   rs.Object
	path     string // of its shards on data services, without their numbers
	held     placement.Places
	sources  [rs.Shards]source
	table    *rs.Table // that of most shards
	stripe   *rs.Stripe
	from, to int64        // the bytes to read
	next     int64        // the number of the next stripe
	end      int64        // the number of the stripe after the last one
	rest     []byte       // of the present stripe
	sum      stdhash.Hash // of the stripes so far
	damaged  atomic.Bool
}

// source is one shard.
type source struct {
	shard   int
	address string    // "" if no data service is known to hold it, or it cannot be read
	table   *rs.Table // nil if it is not known
	body    *objectstream.Download
	at      int64 // the number of the stripe that comes next in body
	tried   bool  // for the present stripe
	late    bool  // it exceeded blockTimeout, here or in a recent read: it is the last choice, and has more time
}

// Open returns a reader of an object whose shards are held as places say. The caller closes it.
func (c *Codec) Open(ctx context.Context, o rs.Object, places placement.Places) *Reader {
	return c.OpenRange(ctx, o, places, 0, o.Size())
}

// OpenRange is Open for the bytes from one position up to another. It reads the stripes that have any of
// them.
func (c *Codec) OpenRange(ctx context.Context, o rs.Object, places placement.Places, from, to int64) *Reader {
	return c.open(ctx, o, "objects/"+hash.Hash(o.Hash()).Hex(), places, nil, from, to)
}

// open finds the table at the end of the shards if it is nil.
func (c *Codec) open(ctx context.Context, o rs.Object, path string, places placement.Places, table *rs.Table, from, to int64) *Reader {
	r := &Reader{
		ctx: ctx, codec: c, object: o, path: path, held: places, table: table, stripe: rs.NewStripe(o), sum: sha256.New(),
		from: from, to: to, next: from / rs.StripeSize, end: (to + rs.StripeSize - 1) / rs.StripeSize,
	}
	for shard, address := range places {
		r.sources[shard] = source{shard: shard, address: address, table: table, late: c.streams.Late(address)}
	}
	return r
}

// Damaged reports whether a shard could not be read so far, has a corrupt block, or is of other content.
func (r *Reader) Damaged() bool { return r.damaged.Load() }

// Close ends all requests to data services.
func (r *Reader) Close() {
	for i := range r.sources {
		r.sources[i].close()
	}
}

// Read implements io.Reader. The error wraps rs.ErrTooFewShards if fewer than four blocks of a stripe
// can be read, and hash.ErrMismatch if the object has another hash.
func (r *Reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == r.end {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Stripe reads the next stripe, and computes all that shards store of it.
func (r *Reader) Stripe() (*rs.Stripe, error) {
	if err := r.load(); err != nil {
		return nil, err
	}
	return r.stripe, r.codec.coder.Protect(r.stripe)
}

// load reads four intact blocks of the next stripe and computes the data blocks not among them.
func (r *Reader) load() error {
	if err := r.findTable(); err != nil {
		return err
	}
	r.stripe.Expect(r.next, r.table)
	for i := range r.sources {
		r.sources[i].tried = false
	}
	for missing := rs.DataShards; missing > 0; {
		some := r.untried(missing)
		if len(some) == 0 {
			break
		}
		missing -= r.readBlocks(some)
		if r.ctx.Err() != nil {
			return r.ctx.Err() // the service stops
		}
	}
	err := r.codec.coder.ReconstructData(r.stripe)
	if errors.Is(err, rs.ErrForeign) {
		r.damaged.Store(true)
		err = fmt.Errorf("%w: %w", hash.ErrMismatch, err)
	}
	if err != nil {
		return fmt.Errorf("object %s: %w", hash.Hash(r.object.Hash()), err)
	}
	r.sum.Write(r.stripe.Data()) // never fails
	first := r.next * rs.StripeSize
	r.next++
	if r.next == r.object.Stripes() && r.from < rs.StripeSize {
		if err := hash.Check(r.sum, r.object.Hash()); err != nil {
			r.damaged.Store(true)
			return err
		}
	}
	data := r.stripe.Data()
	r.rest = data[max(r.from-first, 0):min(r.to-first, int64(len(data)))]
	return nil
}

// untried returns up to n shards to try next, late ones last.
func (r *Reader) untried(n int) (list []*source) {
	for _, late := range []bool{false, true} {
		for i := range r.sources {
			if s := &r.sources[i]; s.address != "" && !s.tried && s.late == late && len(list) < n {
				list = append(list, s)
			}
		}
	}
	return list
}

// readBlocks reads a block of each shard concurrently and returns how many are intact.
func (r *Reader) readBlocks(some []*source) (intact int) {
	errs := make([]error, len(some))
	var reading sync.WaitGroup
	for i, s := range some {
		s.tried = true
		reading.Go(func() { errs[i] = r.readBlock(s) })
	}
	reading.Wait()
	for i, err := range errs {
		if err == nil {
			intact++
		} else {
			r.note(some[i], err)
		}
	}
	return intact
}

// readBlock continues the shard's request if that is at the right stripe, and begins another if not.
func (r *Reader) readBlock(s *source) error {
	if s.body == nil || s.at != r.next {
		if err := r.begin(s); err != nil {
			return err
		}
	}
	block, sum := r.stripe.Stored(s.shard)
	if err := s.body.Fill(block, sum); err != nil {
		return err
	}
	s.at++
	return r.stripe.Verify(s.shard)
}

// begin requests a shard from the next stripe to the last one, from its header on if the next is the
// first. A header or a size that is wrong is damage, but blocks behind it may be intact.
func (r *Reader) begin(s *source) (err error) {
	s.close()
	if s.table == nil {
		if err := r.readTable(s); err != nil || s.encoding() != r.table.Encoding().Hex() {
			return cmp.Or(err, ErrOtherEncoding)
		}
	}
	s.at = r.next
	from := r.table.Offset(r.next)
	if r.next == 0 {
		from = 0
	}
	if s.body, err = r.get(s, from, r.table.Offset(r.end)); err != nil {
		return err
	}
	header := r.object.Header(s.shard)
	if from == 0 {
		if err = s.body.Fill(header); err != nil {
			return err
		}
	}
	if s.body.Size != r.table.ShardSize() || !bytes.Equal(header, r.object.Header(s.shard)) {
		r.damaged.Store(true)
	}
	return nil
}

// get requests bytes of a shard.
func (r *Reader) get(s *source, from, to int64) (*objectstream.Download, error) {
	timeout := blockTimeout
	if s.late {
		timeout = peer.StallTimeout
	}
	return r.codec.streams.Get(r.ctx, s.address, fmt.Sprintf("%s.%d", r.path, s.shard), from, to, timeout)
}

// note keeps a shard with a corrupt block for the next stripe and gives up one that cannot be read. One
// that is late has a second chance, when there is no other.
func (r *Reader) note(s *source, err error) {
	switch {
	case r.ctx.Err() != nil: // that the service stops says nothing of shards
	case errors.Is(err, rs.ErrCorrupt):
		r.damaged.Store(true)
	case errors.Is(err, peer.ErrStalled) && !s.late:
		s.close()
		s.late, s.tried = true, false
	default:
		s.close()
		s.address = ""
		r.damaged.Store(true)
	}
}

func (s *source) close() {
	if s.body != nil {
		_ = s.body.Close() // what is needed of it was read
		s.body = nil
	}
}
