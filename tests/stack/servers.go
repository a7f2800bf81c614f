// Package stack provides RabbitMQ and Elasticsearch to tests and startup.sh in one of three ways:
// given by the environment, in Docker, or embedded.
//
// A pair of servers belongs to a separate process, the keeper (see tests/cmd/stack), which runs
// while there is a lease on the pair. All test binaries of one `go test work` share one pair. A
// killed test leaves nothing behind: its lease is its connection to the keeper, which the kernel
// closes.
package stack

import (
	"context"
	"errors"
)

// ErrUnsupported is returned for a fault that this way cannot inject.
var ErrUnsupported = errors.New("not supported by this stack")

// URLs are the addresses of a running pair.
type URLs struct {
	RabbitMQ      string // amqp://user:password@host:port/vhost
	Elasticsearch string // http://host:port; empty in a pair without
}

// Counts are the resources of a broker at one moment, for tests that detect leaks.
type Counts struct {
	Connections int
	Channels    int
	Queues      int
}

// Servers is a running pair. Its methods may be called by several goroutines concurrently.
type Servers interface {
	URLs() URLs
	// Versions returns the versions in one line: "RabbitMQ 3.10.8, Elasticsearch 7.17.28".
	Versions() string
	// StopBroker stops RabbitMQ. Connections are closed and new ones refused until StartBroker.
	StopBroker(ctx context.Context) error
	// StartBroker starts RabbitMQ again under the same URL and returns when it answers.
	StartBroker(ctx context.Context) error
	// StopElasticsearch stops Elasticsearch. Requests are refused until StartElasticsearch.
	// Acknowledged writes survive.
	StopElasticsearch(ctx context.Context) error
	// StartElasticsearch starts Elasticsearch again under the same URL and returns when it answers.
	StartElasticsearch(ctx context.Context) error
	// DropConnections closes every client connection to RabbitMQ, which keeps running.
	DropConnections(ctx context.Context) error
	// BeginAlarm has RabbitMQ run low on memory: it reads nothing more of a client that sends a
	// message.
	BeginAlarm(ctx context.Context) error
	// EndAlarm ends the alarm. It does nothing if there is none.
	EndAlarm(ctx context.Context) error
	Counts(ctx context.Context) (Counts, error)
	// Close stops the servers and waits for their end. A shared pair only loses this user.
	Close(ctx context.Context) error
}
