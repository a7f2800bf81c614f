// Package stack gives tests and startup.sh the two servers that go-store stands on, RabbitMQ and
// Elasticsearch, whatever the machine has: given by the environment, in Docker, or embedded.
//
// A pair is kept by a process of its own, the keeper (see tests/cmd/stack), for as long as anybody
// holds a lease on it. So all test binaries of one `go test work` share one pair, and a test that is
// killed leaves nothing behind: the kernel closes its connection to the keeper, and that was its lease.
package stack

import (
	"context"
	"errors"
)

// ErrUnsupported is returned for a fault that this way of running the servers cannot inject.
var ErrUnsupported = errors.New("not supported by this stack")

// URLs are the addresses of a running pair.
type URLs struct {
	RabbitMQ      string // amqp://user:password@host:port/vhost
	Elasticsearch string // http://host:port; empty while the pair has none
}

// Counts are what a broker holds at one moment, for tests that look for leaks.
type Counts struct {
	Connections int
	Channels    int
	Queues      int
}

// Servers is a running pair. Its methods may be called by several goroutines at once.
type Servers interface {
	URLs() URLs
	// Versions says in one line what runs, for people: "RabbitMQ 3.10.8, Elasticsearch 7.17.28".
	Versions() string
	// StopBroker stops RabbitMQ: connections are lost and new ones refused until StartBroker.
	StopBroker(ctx context.Context) error
	// StartBroker starts RabbitMQ again under the same URL. It returns when the broker answers.
	StartBroker(ctx context.Context) error
	// StopElasticsearch stops Elasticsearch: requests are refused until StartElasticsearch. What it
	// has acknowledged it keeps.
	StopElasticsearch(ctx context.Context) error
	// StartElasticsearch starts Elasticsearch again under the same URL. It returns when it answers.
	StartElasticsearch(ctx context.Context) error
	// DropConnections cuts every client connection to RabbitMQ, which itself goes on.
	DropConnections(ctx context.Context) error
	Counts(ctx context.Context) (Counts, error)
	// Close stops the servers and waits until nothing of them is left; or, where they are shared,
	// gives up the right to use them.
	Close(ctx context.Context) error
}
