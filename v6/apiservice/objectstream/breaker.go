package objectstream

import (
	"fmt"
	"sync"
	"time"

	"gostore/common/httpd"
)

// Pause is for how long no work is begun on a data service that stalled.
const Pause = 3 * time.Second

// maxOpen is how many data services are left out at the same time. If more stall it is a load that
// all of them suffer from, and without them there would be too few.
const maxOpen = 2

// breaker leaves out data services that stalled: without it each request to one would wait for the
// whole timeout. After a pause one request is the probe. Any answer ends it. Its methods may be
// called by several goroutines at once.
type breaker struct {
	mu       sync.Mutex
	services map[string]*contact // by address
}

// contact is what is known of a data service.
type contact struct {
	answered time.Time // last
	leftOut  time.Time // until then; zero if it is not left out
}

// at is called with mu held.
func (b *breaker) at(address string) *contact {
	if b.services[address] == nil {
		b.services[address] = &contact{}
	}
	return b.services[address]
}

// allow returns an error, an answer for the client, if a data service is left out.
func (b *breaker) allow(address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.at(address)
	switch {
	case c.leftOut.IsZero():
		return nil
	case time.Now().After(c.leftOut):
		c.leftOut = time.Now().Add(2 * StallTimeout) // longer than the probe takes
		return nil
	}
	return fmt.Errorf("%w: %w a moment ago",
		httpd.Unavailable("data service %s does not answer: try again", address), ErrStalled)
}

// answered is also for a data service that is down: it says so without a timeout.
func (b *breaker) answered(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*b.at(address) = contact{answered: time.Now()}
}

// stalled ignores a data service that meanwhile answered another request: it is slow.
func (b *breaker) stalled(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.at(address)
	if time.Since(c.answered) < StallTimeout {
		return
	}
	c.leftOut = time.Now().Add(Pause)
	open := 0
	for _, c := range b.services {
		if !c.leftOut.IsZero() {
			open++
		}
	}
	if open > maxOpen {
		clear(b.services)
	}
}
