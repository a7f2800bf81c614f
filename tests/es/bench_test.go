package es

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/es"
	"gostore/common/metrics"
	"gostore/tests/stack/elastic"
)

// benchmark runs do, each time with another number, from 1 and from 16 goroutines. The server is in
// this process, so that a profile shows both ends.
func benchmark(b *testing.B, prepare, do func(c *es.Client, i int64) error) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			server, err := elastic.Listen("127.0.0.1:0", b.TempDir())
			require.NoError(b, err)
			defer func() { require.NoError(b, server.Close()) }()
			c, err := es.New(es.Config{URL: server.URL(), Index: "bench", MaxAge: "30d", MaxSize: "20gb"}, metrics.New(), slog.New(slog.DiscardHandler))
			require.NoError(b, err)
			defer c.Close()
			require.NoError(b, prepare(c, 0))
			b.ReportAllocs()
			b.ResetTimer()
			before := processorTime()
			spread(b, clients, func(i int64) error { return do(c, i) })
			b.ReportMetric(float64((processorTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func spread(b *testing.B, clients int, do func(i int64) error) {
	var next atomic.Int64
	errs := make(chan error, clients)
	for range clients {
		go func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(i); err != nil {
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

// processorTime is the CPU time of this process.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0 // it cannot fail for the own process
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func named(name string) es.Metadata {
	return es.Metadata{Name: name, Size: 4096, Hash: "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="}
}

func ready(b *testing.B) func(*es.Client, int64) error {
	return func(c *es.Client, _ int64) error { return c.Ready(b.Context()) }
}

func BenchmarkReady(b *testing.B) { benchmark(b, ready(b), ready(b)) }

func BenchmarkAddFirst(b *testing.B) {
	benchmark(b, ready(b), func(c *es.Client, i int64) error {
		_, err := c.Add(b.Context(), named(fmt.Sprint("object-", i)))
		return err
	})
}

func BenchmarkAddNext(b *testing.B) {
	benchmark(b, ready(b), func(c *es.Client, i int64) error {
		_, err := c.Add(b.Context(), named(fmt.Sprint("object-", i%100)))
		return err
	})
}

func addObjects(b *testing.B, n int) func(*es.Client, int64) error {
	return func(c *es.Client, _ int64) error {
		for i := range n {
			if _, err := c.Add(b.Context(), named(fmt.Sprint("object-", i))); err != nil {
				return err
			}
		}
		return c.Each(b.Context(), "object-0", func(es.Metadata) error { return nil }) // searches see them all
	}
}

func BenchmarkLatestWithHint(b *testing.B) {
	benchmark(b, addObjects(b, 100), func(c *es.Client, i int64) error {
		_, err := c.Latest(b.Context(), fmt.Sprint("object-", i%100))
		return err
	})
}

// BenchmarkLatestWithoutHint reads more objects in turn than there are hints.
func BenchmarkLatestWithoutHint(b *testing.B) {
	const objects = 10_100
	benchmark(b, addObjects(b, objects), func(c *es.Client, i int64) error {
		_, err := c.Latest(b.Context(), fmt.Sprint("object-", i%objects))
		return err
	})
}
