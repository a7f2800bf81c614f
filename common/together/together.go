// Package together has several callers share one request.
package together

import (
	"context"
	"sync"
)

// requestsAtOnce is how many requests of a kind are under way before others gather behind them.
const requestsAtOnce = 2

// mostTogether is how many items go in one request, so that what it takes is within a request's patience
// however many callers there are.
const mostTogether = 100

// Together sends what several callers want at the same time in one request, since a request costs many
// times what stands in it. Nobody waits for company: with fewer than requestsAtOnce requests under way,
// each goes at once, and else those that came meanwhile go together as soon as one is done.
type Together[T any] struct {
	send  func(ctx context.Context, items []T) error // puts each answer into its item
	turns chan struct{}                              // holds one for each request under way

	mu   sync.Mutex
	next *batch[T] // that can still be joined, if any
}

type batch[T any] struct {
	items []T
	done  chan struct{} // closed when err is set
	err   error
}

// New returns a Together whose requests send makes; each is to have a time-out of its own.
func New[T any](send func(ctx context.Context, items []T) error) *Together[T] {
	return &Together[T]{send: send, turns: make(chan struct{}, requestsAtOnce)}
}

// Do returns when the item has its answer; after an error it must not be looked at any more. Who comes
// first sends for all, and to the end even if ctx is done before.
func (t *Together[T]) Do(ctx context.Context, item T) error {
	b, first := t.join(item)
	if first {
		t.turns <- struct{}{} // every request has a time-out
		b.err = t.send(context.WithoutCancel(ctx), t.close(b))
		<-t.turns
		close(b.done)
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *Together[T]) join(item T) (b *batch[T], first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first = t.next == nil
	if first {
		t.next = &batch[T]{done: make(chan struct{})}
	}
	b = t.next
	b.items = append(b.items, item)
	if len(b.items) == mostTogether {
		t.next = nil
	}
	return b, first
}

// close has the next caller begin a new batch.
func (t *Together[T]) close(b *batch[T]) []T {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == b {
		t.next = nil
	}
	return b.items
}
