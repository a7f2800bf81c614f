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

	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/peer"
)

// blockTimeout is how long a data service may take for a block while there are other shards to read.
const blockTimeout = 500 * time.Millisecond

// Reader reads the bytes of an object from any four of its shards: from the data shards where it can,
// and block by block from another shard for one that is missing, late or corrupt. It verifies the
// strong checksum of each stripe. One that Open returns holds the last stripe back until the object's hash is
// verified too. One goroutine at a time may use it.
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
	sum      stdhash.Hash // of the stripes so far; nil if the hash of the object is not verified
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

// Open returns a reader of an object whose shards are held as places say, for a repair or a PUT: what is made from
// what it reads has the object's hash. The caller closes it.
func (c *Codec) Open(ctx context.Context, o rs.Object, places placement.Places) *Reader {
	r := c.OpenRange(ctx, o, places, 0, o.Size())
	r.sum = sha256.New()
	return r
}

// OpenRange returns a reader of the bytes from one position up to another, for a GET. It reads the stripes that
// have any of them. The caller closes it.
func (c *Codec) OpenRange(ctx context.Context, o rs.Object, places placement.Places, from, to int64) *Reader {
	return c.open(ctx, o, "objects/"+hash.Hash(o.Hash()).Hex(), places, nil, from, to)
}

// open finds the table at the end of the shards if it is nil.
func (c *Codec) open(ctx context.Context, o rs.Object, path string, places placement.Places, table *rs.Table, from, to int64) *Reader {
	r := &Reader{
		ctx: ctx, codec: c, object: o, path: path, held: places, table: table, stripe: c.newStripe(o),
		from: from, to: to, next: from / rs.StripeSize, end: (to + rs.StripeSize - 1) / rs.StripeSize,
	}
	for shard, address := range places {
		r.sources[shard] = source{shard: shard, address: address, table: table, late: c.streams.Late(address)}
	}
	return r
}

// Damaged reports whether a shard could not be read so far, has a corrupt block, or is of other content.
func (r *Reader) Damaged() bool { return r.damaged.Load() }

// Close ends all requests to data services, and the use of what was read.
func (r *Reader) Close() {
	for i := range r.sources {
		r.sources[i].close()
	}
	r.codec.recycle(r.stripe)
}

// Read implements io.Reader. The error wraps rs.ErrTooFewShards if fewer than four blocks of a stripe
// can be read, and hash.ErrMismatch if the object has another hash.
func (r *Reader) Read(p []byte) (int, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: it writes what is wanted of a stripe at once.
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if err := r.fill(); err != nil {
			return written, ignoreEOF(err)
		}
		n, err := w.Write(r.rest)
		written, r.rest = written+int64(n), r.rest[n:]
		if err != nil {
			return written, err
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// fill loads the next stripe if nothing is left of the one before.
func (r *Reader) fill() error {
	switch {
	case len(r.rest) > 0:
		return nil
	case r.next == r.end:
		return io.EOF
	}
	return r.load()
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
	first, data := r.next*rs.StripeSize, r.stripe.Data()
	r.next++
	if err := r.verify(data); err != nil {
		return err
	}
	r.rest = data[max(r.from-first, 0):min(r.to-first, int64(len(data)))]
	return nil
}

// verify adds a stripe to the hash, and checks that after the last one.
func (r *Reader) verify(data []byte) (err error) {
	if r.sum == nil {
		return nil
	}
	r.sum.Write(data) // never fails
	if r.next == r.object.Stripes() {
		if err = hash.Check(r.sum, r.object.Hash()); err != nil {
			r.damaged.Store(true)
		}
	}
	return err
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
