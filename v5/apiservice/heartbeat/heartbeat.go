// Package heartbeat knows which data services are alive: those heard from in the last seconds.
package heartbeat

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gostore/common/httpd"
	"gostore/common/rabbitmq"
)

// exchange is where data services announce themselves: the body of each message is an address.
const exchange = "apiServers"

const (
	// lifetime is how long after its last heartbeat a data service counts as alive.
	lifetime = 5 * time.Second
	// settling is how long after connecting every data service has been heard from: each announces
	// itself once a second, and takes some of the next to reconnect after a restart of the broker.
	settling = 1500 * time.Millisecond
	// maxServices bounds the memory that messages from strangers can take.
	maxServices = 500
	// maxAddress is the longest address taken, in bytes: a DNS name has at most 253.
	maxAddress = 260
)

// Monitor listens to heartbeats. Its methods may be called by several goroutines at once.
type Monitor struct {
	broker *rabbitmq.Client

	mu        sync.Mutex
	lastHeard map[string]time.Time // by address
}

// NewMonitor returns a monitor that listens while broker runs.
func NewMonitor(broker *rabbitmq.Client) *Monitor {
	m := &Monitor{broker: broker, lastHeard: map[string]time.Time{}}
	broker.Subscribe(exchange, func(beat rabbitmq.Message) { m.hear(beat.Body) })
	return m
}

// hear ignores a message that is not HOST:PORT: requests are sent to that address.
func (m *Monitor) hear(body []byte) {
	if len(body) > maxAddress || !isHostPort(string(body)) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetDead()
	_, known := m.lastHeard[string(body)]
	if known || len(m.lastHeard) < maxServices {
		m.lastHeard[string(body)] = time.Now()
	}
}

func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && !strings.ContainsAny(host, "/?#@%\\ \t\r\n")
}

// forgetDead is called with mu held.
func (m *Monitor) forgetDead() {
	maps.DeleteFunc(m.lastHeard, func(_ string, heard time.Time) bool { return time.Since(heard) > lifetime })
}

// Live returns the addresses of the data services that are alive, sorted; at least one. The error is
// an answer for the client: 503 when there is none, or when not every live one can have been heard
// yet. A shorter list would make an object look absent that an unheard data service holds.
func (m *Monitor) Live() ([]string, error) {
	since, err := m.broker.Since()
	if err != nil {
		return nil, httpd.Unavailable("%v", err)
	}
	if time.Since(since) < settling {
		return nil, httpd.Unavailable("just connected to the message broker, the data services are not known yet")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetDead()
	if len(m.lastHeard) == 0 {
		return nil, httpd.Unavailable("no data service is alive")
	}
	return slices.Sorted(maps.Keys(m.lastHeard)), nil
}
