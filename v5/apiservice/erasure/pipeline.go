package erasure

import (
	"context"
	"crypto/sha256"
	stdhash "hash"
	"io"

	"gostore/chapter5/rs"
	"gostore/common/hash"
)

// readAhead is how many stripes of an object are in memory while it is read: one comes from data services,
// one is hashed, one is on its way to the client.
const readAhead = 3

// pipeline brings an object to a client. Its three stages work at the same time, each on a stripe of its own.
type pipeline struct {
	reader *Reader
	to     io.Writer
	sum    stdhash.Hash
	free   chan *rs.Stripe // has room for all
}

// WriteTo writes all of the object to w. The last stripe of an object that has not its hash is not written;
// the error wraps hash.ErrMismatch then. It is called once.
func (r *Reader) WriteTo(w io.Writer) (n int64, err error) {
	stripes := min(readAhead, r.object.Stripes())
	p := &pipeline{r, w, sha256.New(), make(chan *rs.Stripe, readAhead)}
	for range stripes {
		p.free <- r.codec.stripe(r.object)
	}
	if stripes == 1 { // there is nothing to do at the same time
		n, err = p.once()
	} else {
		n, err = p.run()
	}
	for range stripes {
		r.codec.giveBack(r.object, <-p.free)
	}
	return n, err
}

func (p *pipeline) once() (n int64, err error) {
	s := <-p.free
	defer func() { p.free <- s }()
	if err := p.reader.loadInTurn(s); err != nil {
		return 0, err
	}
	if err := p.check(s); err != nil {
		return 0, err
	}
	return p.write(s)
}

// run returns when all stages have ended. All stripes are in free then.
func (p *pipeline) run() (n int64, err error) {
	var stop context.CancelFunc
	p.reader.ctx, stop = context.WithCancel(p.reader.ctx)
	defer stop()
	loaded, right := make(chan *rs.Stripe), make(chan *rs.Stripe)
	failed := make(chan error, 2)
	go func() { failed <- p.loadAll(loaded) }()
	go func() { failed <- p.checkAll(loaded, right) }()
	for s := range right {
		if err == nil {
			var written int64
			written, err = p.write(s)
			n += written
		}
		if err != nil {
			stop()
		}
		p.free <- s
	}
	for range cap(failed) {
		if other := <-failed; err == nil {
			err = other
		}
	}
	return n, err
}

// loadAll closes loaded at the end.
func (p *pipeline) loadAll(loaded chan<- *rs.Stripe) error {
	defer close(loaded)
	for p.reader.next < p.reader.object.Stripes() {
		s := <-p.free
		if err := p.reader.loadInTurn(s); err != nil {
			p.free <- s
			return err
		}
		loaded <- s
	}
	return nil
}

// checkAll closes right at the end. An error is about the last stripe.
func (p *pipeline) checkAll(loaded <-chan *rs.Stripe, right chan<- *rs.Stripe) error {
	defer close(right)
	for s := range loaded {
		if err := p.check(s); err != nil {
			p.free <- s
			return err
		}
		right <- s
	}
	return nil
}

// check returns an error for the last stripe of an object that has not its hash.
func (p *pipeline) check(s *rs.Stripe) error {
	p.sum.Write(s.Data()) // never fails
	if !s.Last() {
		return nil
	}
	return hash.Check(p.sum, hash.Hash(p.reader.object.Hash()))
}

func (p *pipeline) write(s *rs.Stripe) (n int64, err error) {
	written, err := p.to.Write(s.Data())
	return int64(written), err
}
