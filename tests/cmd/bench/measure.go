package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"gostore/common/hash"
)

// Histograms are in microseconds.
const (
	longest = int64(10 * time.Minute / time.Microsecond)
	digits  = 3
)

// readBuffer is the size of each client's buffer: far fewer system calls than with io.Discard's.
const readBuffer = 256 << 10

// measurement is the result of one load of one cell in one round.
type measurement struct {
	Ops     int     `json:"ops"` // that succeeded
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpuSeconds"` // of all processes of the store
	Peak    uint64  `json:"peakBytes"`  // resident, of all processes together
	Errors  int     `json:"errors"`

	latencies *hdrhistogram.Histogram
	firstErr  error
}

func (m measurement) opsPerSecond() float64 { return float64(m.Ops) / m.Seconds }

// operation does the i-th operation of a load and returns how many bytes it transferred.
type operation func(ctx context.Context, i int, buffer []byte) (int64, error)

// drive has clients do n operations. Each takes the next one that is not started.
func drive(ctx context.Context, clients, n int, do operation) measurement {
	parts := make([]measurement, clients)
	var next atomic.Int64
	var working sync.WaitGroup
	begin := time.Now()
	for c := range parts {
		working.Go(func() { parts[c] = work(ctx, &next, n, do) })
	}
	working.Wait()
	whole := measurement{Seconds: time.Since(begin).Seconds(), latencies: newHistogram()}
	for _, part := range parts {
		whole.Ops += part.Ops
		whole.Bytes += part.Bytes
		whole.Errors += part.Errors
		whole.latencies.Merge(part.latencies)
		if whole.firstErr == nil {
			whole.firstErr = part.firstErr
		}
	}
	return whole
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, digits) }

func work(ctx context.Context, next *atomic.Int64, n int, do operation) measurement {
	m := measurement{latencies: newHistogram()}
	buffer := make([]byte, readBuffer)
	for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
		begin := time.Now()
		moved, err := once(ctx, i, buffer, do)
		if err != nil {
			m.Errors++
			m.firstErr = err
			continue
		}
		took := min(longest, max(1, time.Since(begin).Microseconds()))
		_ = m.latencies.RecordValue(took) // the value is in range
		m.Ops++
		m.Bytes += moved
	}
	return m
}

func once(ctx context.Context, i int, buffer []byte, do operation) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	return do(ctx, i, buffer)
}

// putOp puts one object.
func putOp(ctx context.Context, c client, key string, b body) (int64, error) {
	return int64(len(b.bytes)), c.put(ctx, key, b)
}

// getOp reads an object of size bytes. It checks the hash if want is not nil.
func getOp(ctx context.Context, c client, key string, size int64, want *hash.Hash, buffer []byte) (int64, error) {
	object, err := c.get(ctx, key)
	if err != nil {
		return 0, err
	}
	defer object.Close() // read to its end
	var from io.Reader = object
	if want != nil {
		from = hash.NewReader(object, *want, size)
	}
	n, err := readAll(from, buffer)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes instead of %d", n, size)
	}
	if err != nil {
		return n, fmt.Errorf("GET %s: %w", key, err)
	}
	return n, nil
}

func readAll(from io.Reader, buffer []byte) (sum int64, err error) {
	for {
		n, err := from.Read(buffer)
		sum += int64(n)
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}
