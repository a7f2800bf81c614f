// Package heartbeat knows which data services are alive: those that said so in the last seconds.
package heartbeat

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/rs"
	"gostore/common/httpd"
	"gostore/common/rabbitmq"
)

// exchange is where data services announce themselves: the body of each message is an address.
const exchange = "apiServers"

const (
	// lifetime is how long after its last heartbeat a data service is taken to be alive.
	lifetime = 5 * time.Second
	// hearingAll is how long after connecting every data service has been heard: they announce
	// themselves each second, and need some of the next to connect after a restart of the broker.
	hearingAll = 1500 * time.Millisecond
)

// Broker brings heartbeats, and tells since when it does so without a gap.
type Broker interface {
	Subscribe(exchange string, handle func(rabbitmq.Message))
	Since() (time.Time, error)
}

// Monitor listens to heartbeats. Its methods may be called by several goroutines at once.
type Monitor struct {
	broker Broker

	mu        sync.Mutex
	lastHeard map[string]time.Time // by address
}

// NewMonitor returns a monitor that listens while broker runs.
func NewMonitor(broker Broker) *Monitor {
	m := &Monitor{broker: broker, lastHeard: map[string]time.Time{}}
	broker.Subscribe(exchange, func(beat rabbitmq.Message) { m.hear(string(beat.Body)) })
	return m
}

func (m *Monitor) hear(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastHeard[address] = time.Now()
}

// Live returns the addresses of the data services that are alive, sorted, and at least one. The
// error is an answer for the client: 503 when there is none, or when not all that live can have been
// heard yet. To go by less than all of them would be to take an object for absent that one of the
// others holds.
func (m *Monitor) Live() ([]string, error) {
	since, err := m.broker.Since()
	if err != nil {
		return nil, httpd.Unavailable("%v", err)
	}
	if time.Since(since) < hearingAll {
		return nil, httpd.Unavailable("just connected to the message broker, the data services are not known yet")
	}
	live := m.heardWithin(lifetime)
	if len(live) == 0 {
		return nil, httpd.Unavailable("no data service is alive")
	}
	return live, nil
}

// heardWithin also forgets those that it leaves out.
func (m *Monitor) heardWithin(d time.Duration) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.lastHeard, func(_ string, heard time.Time) bool { return time.Since(heard) > d })
	return slices.Sorted(maps.Keys(m.lastHeard))
}

// Spread fills in who is to hold the shards that nobody holds: on as many of the live data services as
// there are, those first that hold the fewest. The error is an answer for the client: 503 if there are
// so few that one of them would take more of an object with it than the rest makes up for.
func (m *Monitor) Spread(places locate.Places) (locate.Places, error) {
	live, err := m.Live()
	if err != nil {
		return places, err
	}
	if len(live) < rs.DataShards {
		return places, httpd.Unavailable("%d data services are alive, %d are needed to keep an object", len(live), rs.DataShards)
	}
	rand.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
	for shard, address := range places {
		if address == "" {
			places[shard] = slices.MinFunc(live, func(a, b string) int { return places.Held(a) - places.Held(b) })
		}
	}
	return places, nil
}
