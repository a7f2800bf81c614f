// Package embedded runs small servers in this process, in place of RabbitMQ and Elasticsearch.
package embedded

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"gostore/tests/stack"
	"gostore/tests/stack/broker"
	"gostore/tests/stack/elastic"
)

// Options describe the servers to run.
type Options struct {
	Dir                  string // for Elasticsearch's data, which the next Start finds
	WithoutElasticsearch bool
}

type servers struct {
	urls     stack.URLs
	versions string
	address  string // of the broker; it survives restarts
	data     string // directory of Elasticsearch; empty if there is none
	listens  string // address of Elasticsearch; it survives restarts

	mu      sync.Mutex
	broker  *broker.Broker  // nil while it is stopped
	elastic *elastic.Server // nil while it is stopped, or if there is none
}

// Start starts the servers on free loopback ports.
func Start(ctx context.Context, opts Options) (stack.Servers, error) {
	b, err := broker.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &servers{urls: stack.URLs{RabbitMQ: b.URL()}, address: b.Addr(), broker: b}
	if !opts.WithoutElasticsearch {
		s.data = filepath.Join(opts.Dir, "elasticsearch")
		if s.elastic, err = elastic.Listen("127.0.0.1:0", s.data); err != nil {
			return nil, errors.Join(err, b.Close())
		}
		s.listens, s.urls.Elasticsearch = s.elastic.Addr(), s.elastic.URL()
	}
	if s.versions, err = stack.AskVersions(ctx, s.urls); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
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

func (s *servers) StopElasticsearch(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == "" {
		return stack.ErrUnsupported
	}
	return s.closeElastic()
}

// closeElastic must be called with s.mu locked.
func (s *servers) closeElastic() error {
	if s.elastic == nil {
		return nil
	}
	stopped := s.elastic
	s.elastic = nil
	return stopped.Close()
}

func (s *servers) StartElasticsearch(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == "" {
		return stack.ErrUnsupported
	}
	if s.elastic != nil {
		return nil
	}
	server, err := elastic.Listen(s.listens, s.data)
	if err == nil {
		s.elastic = server
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

func (s *servers) BeginAlarm(context.Context) error { return s.setAlarm(true) }
func (s *servers) EndAlarm(context.Context) error   { return s.setAlarm(false) }

func (s *servers) setAlarm(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broker != nil {
		s.broker.SetAlarm(on)
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
	err := s.StopBroker(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.closeElastic())
}
