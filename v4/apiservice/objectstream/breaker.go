package objectstream

import (
	"sync"
	"time"
)

// Pause is for how long nothing is sent to a data service that stalled.
const Pause = 3 * time.Second

// breaker leaves out data services that stalled: without it each request to one would wait for the whole
// timeout. After a pause one request is the probe: if it is answered the data service is used again. Its
// methods may be called by several goroutines at once.
type breaker struct {
	mu   sync.Mutex
	open map[string]*opening // by address
}

// opening is what is known of a data service that is left out.
type opening struct {
	until   time.Time
	probing bool
}

// allow reports whether a request may be sent.
func (b *breaker) allow(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.open[address]
	if o == nil {
		return true
	}
	if time.Now().Before(o.until) {
		return false
	}
	o.probing, o.until = true, time.Now().Add(2*StallTimeout) // longer than the probe takes
	return true
}

func (b *breaker) stalled(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[address] = &opening{until: time.Now().Add(Pause)}
}

// answered is also for a data service that is down: it says so without a timeout. An answer to an earlier
// request than the probe says nothing of the present.
func (b *breaker) answered(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.open[address]; o != nil && o.probing {
		delete(b.open, address)
	}
}
