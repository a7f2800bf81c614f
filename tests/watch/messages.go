package watch

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/tests/cluster"
)

// maxMessages is how many messages wait for the next event.
const maxMessages = 50

// message is one that was broadcast.
type message struct {
	Exchange string `json:"exchange"`
	Body     string `json:"body"`
}

// messages listens to both exchanges, in queues of its own. Answers of data services go to the one
// API service that has asked, so they cannot be seen.
type messages struct {
	broker *rabbitmq.Client
	opened time.Time

	mu     sync.Mutex
	beats  map[string]time.Time // the last heartbeat, by address
	queued batch[message]
}

// newMessages returns messages that come while its broker runs.
func newMessages(c *cluster.Cluster) *messages {
	m := &messages{opened: time.Now(), beats: map[string]time.Time{}}
	env := c.API[0].Env
	// The services use the same URL, so it can be parsed.
	m.broker, _ = rabbitmq.New(setting(env, "RABBITMQ_SERVER"), setting(env, "RABBITMQ_PREFIX"), nil, metrics.New(), slog.New(slog.DiscardHandler))
	for _, exchange := range []string{"apiServers", "dataServers"} {
		m.broker.Subscribe(exchange, func(_ context.Context, got rabbitmq.Message) { m.hear(exchange, string(got.Body)) })
	}
	return m
}

func setting(env []string, name string) string {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

func (m *messages) hear(exchange, body string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if exchange == "apiServers" {
		body, _, _ = strings.Cut(body, " ") // the address; how much is free may follow
		m.beats[body] = time.Now()
	}
	if len(m.queued.Items) == maxMessages {
		m.queued.Skipped++
		return
	}
	m.queued.Items = append(m.queued.Items, message{exchange, body})
}

func (m *messages) take() batch[message] {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.queued
	m.queued = batch[message]{}
	return taken
}

// age returns the seconds since the last heartbeat of a data service, or since the page was opened if
// none came yet.
func (m *messages) age(address string) *beat {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, heard := m.beats[address]; heard {
		return &beat{Age: time.Since(last).Seconds()}
	}
	return &beat{Age: time.Since(m.opened).Seconds(), Silent: true}
}

// state of the broker. A page that has just been opened is not connected yet.
func (m *messages) state() string {
	switch _, err := m.broker.Since(); {
	case err == nil:
		return alive
	case time.Since(m.opened) < 2*time.Second:
		return starting
	}
	return dead
}
