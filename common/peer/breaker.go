package peer

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"gostore/common/httpd"
)

const (
	probeInterval = time.Second
	probeTimeout  = 2 * time.Second
)

// maxOpen is how many data services are left out at the same time. If more stall it is a load that
// all of them suffer from, and without them there would be too few.
const maxOpen = 2

// breaker leaves out data services that stalled: without it each request to one would wait for the
// whole timeout. Any answer ends that, for example to a probe. Its methods may be called by several
// goroutines at once.
type breaker struct {
	mu       sync.Mutex
	services map[string]*contact // by address
}

// contact is what is known of a data service.
type contact struct {
	answered time.Time // last
	leftOut  bool
}

// at is called with mu held.
func (b *breaker) at(address string) *contact {
	if b.services[address] == nil {
		b.services[address] = &contact{}
	}
	return b.services[address]
}

// Allow returns an error, an answer for the client, if a data service is left out.
func (c *Client) Allow(address string) error { return c.breaker.allow(address) }

func (b *breaker) allow(address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.at(address).leftOut {
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
	c.leftOut = true
	if len(b.open()) > maxOpen {
		clear(b.services)
	}
}

// open returns the data services that are left out. It is called with mu held.
func (b *breaker) open() (addresses []string) {
	for address, c := range b.services {
		if c.leftOut {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// Probe asks data services that are left out whether they answer again, until ctx is done.
func (c *Client) Probe(ctx context.Context) {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.breaker.mu.Lock()
			addresses := c.breaker.open()
			c.breaker.mu.Unlock()
			for _, address := range addresses {
				c.probe(ctx, address)
			}
		}
	}
}

func (c *Client) probe(ctx context.Context, address string) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return
	}
	if response, err := c.Do(request, address); err == nil {
		_ = response.Body.Close() // that it answers is enough
	}
}
