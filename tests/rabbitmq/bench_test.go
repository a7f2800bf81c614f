package rabbitmq

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/tests/stack/broker"
)

// BenchmarkRequest sends a request that six clients answer, from 1 and from 16 goroutines. Clients
// and broker are in this process, so that a profile shows all of them.
func BenchmarkRequest(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			server, err := broker.Listen("127.0.0.1:0")
			require.NoError(b, err)
			defer func() { require.NoError(b, server.Close()) }()
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			defer running.Wait()
			defer cancel()
			asker := run(b, ctx, &running, server.URL(), false)
			for range repliers {
				run(b, ctx, &running, server.URL(), true)
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := processorTime()
			askAll(b, ctx, asker, clients)
			b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

const repliers = 6

func run(b *testing.B, ctx context.Context, running *sync.WaitGroup, url string, replies bool) *rabbitmq.Client {
	c, err := rabbitmq.New(url, "", nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	if replies {
		c.Subscribe("ask", func(_ context.Context, m rabbitmq.Message) {
			_ = c.Reply(ctx, m, []byte(`{"address":"localhost:12345","shards":null}`)) // the asker misses it
		})
	}
	running.Go(func() { c.Run(ctx) })
	require.Eventually(b, func() bool { _, err := c.Since(); return err == nil }, timeout, time.Millisecond)
	return c
}

func askAll(b *testing.B, ctx context.Context, asker *rabbitmq.Client, clients int) {
	var next atomic.Int64
	errs := make(chan error, clients)
	for range clients {
		go func() {
			for next.Add(1) <= int64(b.N) {
				if err := ask(ctx, asker); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range clients {
		require.NoError(b, <-errs)
	}
}

func ask(ctx context.Context, asker *rabbitmq.Client) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answers, err := asker.Request(ctx, "ask", []byte("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"))
	if err != nil {
		return err
	}
	for range repliers {
		select {
		case <-answers:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// processorTime is the CPU time of this process.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0 // it cannot fail for the own process
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
