// Package erasure carries objects to and from data services as shards: it is package rs with streams
// around it. A stripe at a time is in memory, and a few more so that nobody waits for nobody.
package erasure

import (
	"context"
	"math/bits"
	"net"
	"sync"
	"time"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
)

// small is how many stripes an object may have to be sent in one request a shard: that much is in memory
// anyway.
const small = 2

// smallAtOnce is how many small objects are sent or read at the same time. They come by the thousand, each
// makes several requests, and more at once would only wait for each other in data services, with their
// patience running out there. A client is waited for before or after, not here.
const smallAtOnce = 32

// stripesAtOnce is how many stripes of one object are on their way to data services.
const stripesAtOnce = 3

// Streams carries shards; see package objectstream.
type Streams interface {
	Put(ctx context.Context, address, name string, shard net.Buffers) error
	Begin(ctx context.Context, address, name string, size int64) (*objectstream.Upload, error)
	Get(ctx context.Context, address, name string, from int64, patience time.Duration) (*objectstream.Download, error)
	Check(ctx context.Context, address, name string) error
}

// Locator finds shards.
type Locator interface {
	Locate(ctx context.Context, name string) (places locate.Places, sure bool, err error)
	Remember(name string, places locate.Places)
}

// Codec reads and writes objects. Its methods may be called by several goroutines at once.
type Codec struct {
	streams Streams
	locator Locator
	coder   *rs.Coder
	stripes [32]sync.Pool // of *rs.Stripe, by how many bits the length of their blocks has
	small   chan struct{} // holds one for each small object under way
}

// NewCodec returns a codec.
func NewCodec(streams Streams, locator Locator) (*Codec, error) {
	coder, err := rs.NewCoder()
	if err != nil {
		return nil, err
	}
	return &Codec{streams: streams, locator: locator, coder: coder, small: make(chan struct{}, smallAtOnce)}, nil
}

// turn waits until an object may be sent or read. The caller calls end when it has been.
func (c *Codec) turn(ctx context.Context, o rs.Object) (end func(), err error) {
	if o.Stripes() > small {
		return func() {}, nil
	}
	select {
	case c.small <- struct{}{}:
		return func() { <-c.small }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stripe returns a stripe for an object, which is to be given back. It has no more than twice the memory that it
// needs: of small objects there may be thousands at once.
func (c *Codec) stripe(o rs.Object) *rs.Stripe {
	if s, ok := c.pool(o).Get().(*rs.Stripe); ok {
		return s
	}
	return rs.NewStripe()
}

func (c *Codec) giveBack(o rs.Object, s *rs.Stripe) { c.pool(o).Put(s) }

func (c *Codec) pool(o rs.Object) *sync.Pool { return &c.stripes[bits.Len(uint(o.BlockLen(0)))] }
