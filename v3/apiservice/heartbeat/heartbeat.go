// Package heartbeat knows which data services are alive: those heard from in the last seconds.
package heartbeat

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gostore/common/httpd"
	"gostore/common/peer"
	"gostore/common/rabbitmq"
)

// exchange is where data services announce themselves: the body of each message is an address and
// how many bytes are free.
const exchange = "apiServers"

const (
	// lifetime is how long after its last heartbeat a data service counts as alive.
	lifetime = 5 * time.Second
	// settling is how long after connecting every data service has been heard from: each announces
	// itself once a second, and takes some of the next to reconnect after a restart of the broker.
	settling = 1500 * time.Millisecond
	// maxServices bounds the memory that messages from strangers can take.
	maxServices = 500
	// maxMessage is the longest message taken, in bytes: a DNS name has at most 253, a number 19.
	maxMessage = 280
)

// Monitor listens to heartbeats. Its methods may be called by several goroutines at once.
type Monitor struct {
	broker *rabbitmq.Client

	mu   sync.Mutex
	last map[string]beat // by address
}

// beat is the last heartbeat of a data service.
type beat struct {
	heard time.Time
	free  int64 // bytes
}

// NewMonitor returns a monitor that listens while broker runs.
func NewMonitor(broker *rabbitmq.Client) *Monitor {
	m := &Monitor{broker: broker, last: map[string]beat{}}
	broker.Subscribe(exchange, func(_ context.Context, beat rabbitmq.Message) { m.hear(beat.Body) })
	return m
}

// hear ignores a message that is neither HOST:PORT nor HOST:PORT FREE: requests are sent to that
// address.
func (m *Monitor) hear(body []byte) {
	if len(body) > maxMessage {
		return
	}
	address, free, ok := parse(string(body))
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetDead()
	if _, known := m.last[address]; known || len(m.last) < maxServices {
		m.last[address] = beat{time.Now(), free}
	}
}

// parse returns what a heartbeat says. One that does not say how much is free has room for
// everything.
func parse(message string) (address string, free int64, ok bool) {
	address, number, said := strings.Cut(message, " ")
	if !said {
		return address, math.MaxInt64, peer.IsAddress(address)
	}
	n, err := strconv.ParseUint(number, 10, 63)
	return address, int64(n), err == nil && peer.IsAddress(address)
}

// forgetDead is called with mu held. It forgets nobody while the broker cannot be reached or is in
// an alarm, and for a lifetime after that: a heartbeat that cannot come is not a death.
func (m *Monitor) forgetDead() {
	since, err := m.broker.Since()
	if err != nil || time.Since(since) <= lifetime {
		return
	}
	maps.DeleteFunc(m.last, func(_ string, b beat) bool { return time.Since(b.heard) > lifetime })
}

// Known returns the addresses of the data services that are alive, sorted, and an answer for the
// client if there may be others: 503 during an alarm of the broker, when it is not connected, or
// when not every live one can have been heard yet. A shorter list would make an object look absent
// that an unheard data service holds.
func (m *Monitor) Known() (known []string, incomplete error) {
	since, err := m.broker.Since()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetDead()
	known = slices.Sorted(maps.Keys(m.last))
	switch {
	case err != nil:
		return known, err
	case time.Since(since) < settling:
		return known, httpd.Unavailable("just connected to the message broker, the data services are not known yet")
	case len(known) == 0:
		return nil, httpd.Unavailable("no data service is alive")
	}
	return known, nil
}

// Live is Known for callers that need all of them, and at least one.
func (m *Monitor) Live() ([]string, error) {
	known, err := m.Known()
	if err != nil {
		return nil, err
	}
	return known, nil
}

// WithRoom is Live for new content of size bytes: only those that have room for it. Where fewer
// than n have, it returns all live ones: whether they are full now they say themselves.
func (m *Monitor) WithRoom(size int64, n int) ([]string, error) {
	live, err := m.Live()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	full := func(address string) bool { return m.last[address].free < max(size, 1) }
	if room := slices.DeleteFunc(slices.Clone(live), full); len(room) >= n {
		return room, nil
	}
	return live, nil
}

// Choose returns the data services that may take a new object of size bytes (−1: unknown), in random
// order; at least one.
func (m *Monitor) Choose(size int64) ([]string, error) {
	room, err := m.WithRoom(size, 1)
	rand.Shuffle(len(room), func(i, k int) { room[i], room[k] = room[k], room[i] })
	return room, err
}
