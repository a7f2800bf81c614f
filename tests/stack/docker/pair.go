package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"

	"gostore/tests/stack"
)

const (
	patience = 90 * time.Second // for a server to come up
	pause    = 100 * time.Millisecond
)

// pair is a running pair, or just RabbitMQ.
type pair struct {
	label         string
	urls          stack.URLs
	versions      string
	broker        *testcontainers.DockerContainer
	elasticsearch *testcontainers.DockerContainer // nil without

	mu                   sync.Mutex // held while a server is stopped or started, or the broker asked
	stopped              bool       // the broker is
	elasticsearchStopped bool
}

func (p *pair) URLs() stack.URLs { return p.urls }
func (p *pair) Versions() string { return p.versions }

// StopBroker kills it: the harshest end is also the fastest, and the data stays in the container.
func (p *pair) StopBroker(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	atOnce := time.Duration(0)
	if err := p.broker.Stop(ctx, &atOnce); err != nil {
		return err
	}
	p.stopped = true
	return nil
}

func (p *pair) StartBroker(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		return nil
	}
	if err := p.broker.Start(ctx); err != nil {
		return err
	}
	p.stopped = false
	return p.await(ctx, stack.URLs{RabbitMQ: p.urls.RabbitMQ})
}

// StopElasticsearch kills it as StopBroker does the broker.
func (p *pair) StopElasticsearch(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.elasticsearch == nil {
		return stack.ErrUnsupported
	}
	if p.elasticsearchStopped {
		return nil
	}
	atOnce := time.Duration(0)
	if err := p.elasticsearch.Stop(ctx, &atOnce); err != nil {
		return err
	}
	p.elasticsearchStopped = true
	return nil
}

func (p *pair) StartElasticsearch(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.elasticsearch == nil {
		return stack.ErrUnsupported
	}
	if !p.elasticsearchStopped {
		return nil
	}
	if err := p.elasticsearch.Start(ctx); err != nil {
		return err
	}
	p.elasticsearchStopped = false
	return p.await(ctx, stack.URLs{Elasticsearch: p.urls.Elasticsearch})
}

func (p *pair) DropConnections(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	_, err := p.rabbitmqctl(ctx, "close_all_connections", "dropped")
	return err
}

func (p *pair) Counts(ctx context.Context) (counts stack.Counts, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return stack.Counts{}, nil
	}
	if counts.Connections, err = p.count(ctx, "list_connections"); err != nil {
		return stack.Counts{}, err
	}
	if counts.Channels, err = p.count(ctx, "list_channels"); err != nil {
		return stack.Counts{}, err
	}
	if counts.Queues, err = p.count(ctx, "list_queues"); err != nil {
		return stack.Counts{}, err
	}
	return counts, nil
}

func (p *pair) Close(ctx context.Context) error {
	return Remove(ctx, p.label)
}

// count returns how many lines a listing of process ids has.
func (p *pair) count(ctx context.Context, listing string) (int, error) {
	out, err := p.rabbitmqctl(ctx, listing, "pid")
	return len(strings.Fields(out)), err
}

// rabbitmqctl runs RabbitMQ's own tool in the container. It does not speak AMQP: it makes no
// connection that RabbitMQ would count.
func (p *pair) rabbitmqctl(ctx context.Context, args ...string) (string, error) {
	command := append([]string{"rabbitmqctl", "--silent"}, args...)
	code, output, err := p.broker.Exec(ctx, command, exec.Multiplexed())
	if err != nil {
		return "", fmt.Errorf("%s: %w", args[0], err)
	}
	text, err := io.ReadAll(output)
	if err != nil {
		return "", fmt.Errorf("%s: %w", args[0], err)
	}
	if code != 0 {
		return "", fmt.Errorf("%s: exit code %d: %s", args[0], code, text)
	}
	return string(text), nil
}

// await returns when the servers at urls answer. It asks them and not the log, in which the words
// of an earlier life still stand after a restart.
func (p *pair) await(ctx context.Context, urls stack.URLs) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		versions, err := stack.AskVersions(ctx, urls)
		if err == nil {
			if p.versions == "" {
				p.versions = versions
			}
			return nil
		}
		if err := p.exited(ctx, urls); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", err)
		case <-time.After(pause):
		}
	}
}

// exited tells of those of the servers at urls that run no more.
func (p *pair) exited(ctx context.Context, urls stack.URLs) (err error) {
	if urls.RabbitMQ != "" {
		err = exited(ctx, p.broker)
	}
	if urls.Elasticsearch != "" {
		err = errors.Join(err, exited(ctx, p.elasticsearch))
	}
	return err
}

// exited returns an error if the container runs no more, with what it said last.
func exited(ctx context.Context, c *testcontainers.DockerContainer) error {
	if c == nil {
		return nil
	}
	state, err := c.State(ctx)
	if err != nil || state.Running {
		return nil // not known to have exited
	}
	return fmt.Errorf("%s: exited with code %d: %s", c.Image, state.ExitCode, lastWords(ctx, c))
}

// lastWords is the end of a container's log, for people.
func lastWords(ctx context.Context, c *testcontainers.DockerContainer) string {
	logs, err := c.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer logs.Close() // read, or of no use
	text, err := io.ReadAll(logs)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-500):])
}
