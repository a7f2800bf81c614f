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
	startTimeout = 90 * time.Second // for a server to answer
	pause        = 100 * time.Millisecond
)

// pair is a running pair, or RabbitMQ only.
type pair struct {
	label         string
	urls          stack.URLs
	versions      string
	broker        *testcontainers.DockerContainer
	elasticsearch *testcontainers.DockerContainer // nil if there is none

	mu                   sync.Mutex // serialises stops, starts and rabbitmqctl
	stopped              bool       // whether the broker is stopped
	elasticsearchStopped bool
}

func (p *pair) URLs() stack.URLs { return p.urls }
func (p *pair) Versions() string { return p.versions }

// StopBroker kills the container, which is fastest. The data stays in it.
func (p *pair) StopBroker(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	immediately := time.Duration(0)
	if err := p.broker.Stop(ctx, &immediately); err != nil {
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

// StopElasticsearch kills the container, like StopBroker.
func (p *pair) StopElasticsearch(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.elasticsearch == nil {
		return stack.ErrUnsupported
	}
	if p.elasticsearchStopped {
		return nil
	}
	immediately := time.Duration(0)
	if err := p.elasticsearch.Stop(ctx, &immediately); err != nil {
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

func (p *pair) BeginAlarm(ctx context.Context) error { return p.setWatermark(ctx, "0") }
func (p *pair) EndAlarm(ctx context.Context) error   { return p.setWatermark(ctx, "0.4") }

// setWatermark sets which part of the machine's memory RabbitMQ may use; it begins with 0.4.
func (p *pair) setWatermark(ctx context.Context, part string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	_, err := p.rabbitmqctl(ctx, "set_vm_memory_high_watermark", part)
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

// count returns the number of lines of a listing of process ids.
func (p *pair) count(ctx context.Context, listing string) (int, error) {
	out, err := p.rabbitmqctl(ctx, listing, "pid")
	return len(strings.Fields(out)), err
}

// rabbitmqctl runs RabbitMQ's command-line tool in the container. It opens no AMQP connection, so
// it does not change the counts.
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

// await returns when the servers at urls answer. The log is no help: after a restart it still has
// the lines of the first start.
func (p *pair) await(ctx context.Context, urls stack.URLs) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
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

// exited returns an error for each of the servers at urls that has exited.
func (p *pair) exited(ctx context.Context, urls stack.URLs) (err error) {
	if urls.RabbitMQ != "" {
		err = exited(ctx, p.broker)
	}
	if urls.Elasticsearch != "" {
		err = errors.Join(err, exited(ctx, p.elasticsearch))
	}
	return err
}

// exited returns an error with the end of the log if the container has exited.
func exited(ctx context.Context, c *testcontainers.DockerContainer) error {
	if c == nil {
		return nil
	}
	state, err := c.State(ctx)
	if err != nil || state.Running {
		return nil // not known to have exited
	}
	return fmt.Errorf("%s: exited with code %d: %s", c.Image, state.ExitCode, logTail(ctx, c))
}

// logTail returns the end of a container's log.
func logTail(ctx context.Context, c *testcontainers.DockerContainer) string {
	logs, err := c.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer logs.Close() // read or in error
	text, err := io.ReadAll(logs)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-500):])
}
