// Package embedded runs small servers of our own in this process, in place of RabbitMQ and (from
// chapter 3 on) Elasticsearch.
package embedded

import (
	"context"
	"errors"
	"sync"

	"gostore/tests/stack"
	"gostore/tests/stack/broker"
)

type servers struct {
	urls     stack.URLs
	versions string
	address  string // of the broker, the same in every life

	mu     sync.Mutex
	broker *broker.Broker // nil while it is stopped
}

// Start starts the servers on loopback ports that are free.
func Start(ctx context.Context) (stack.Servers, error) {
	b, err := broker.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &servers{urls: stack.URLs{RabbitMQ: b.URL()}, address: b.Addr(), broker: b}
	if s.versions, err = stack.AskVersions(ctx, s.urls); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return s, nil
}

func (s *servers) URLs() stack.URLs { return s.urls }
func (s *servers) Versions() string { return s.versions }

func (s *servers) StopBroker(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broker == nil {
		return nil
	}
	stopped := s.broker
	s.broker = nil
	return stopped.Close()
}

func (s *servers) StartBroker(context.Context) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broker != nil {
		return nil
	}
	b, err := broker.Listen(s.address)
	if err == nil {
		s.broker = b
	}
	return err
}

func (s *servers) DropConnections(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broker != nil {
		s.broker.DropConnections()
	}
	return nil
}

func (s *servers) Counts(context.Context) (stack.Counts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broker == nil {
		return stack.Counts{}, nil
	}
	return s.broker.Counts(), nil
}

func (s *servers) Close(ctx context.Context) error {
	return s.StopBroker(ctx)
}
