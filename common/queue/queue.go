// Package queue has work that is done in the background, one item after the other.
package queue

import (
	"context"
	"sync"
	"time"

	"gostore/common/requestid"
)

const (
	// attempts is how often an item is tried: until a service that died does not count as alive any more.
	attempts = 5
	pause    = time.Second // between two attempts
)

// Queue is a bounded queue that has an item once. Its methods may be called by several goroutines at once.
type Queue[T comparable] struct {
	items chan T

	mu  sync.Mutex
	ids map[T]string // the IDs of the requests that added the items
}

// New returns a queue for up to size items.
func New[T comparable](size int) *Queue[T] {
	return &Queue[T]{items: make(chan T, size), ids: map[T]string{}}
}

// Add returns at once. It does nothing if the item waits already, or the queue is full.
func (q *Queue[T]) Add(ctx context.Context, item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, waits := q.ids[item]; waits {
		return
	}
	select {
	case q.items <- item:
		q.ids[item] = requestid.Of(ctx)
	default:
	}
}

// Run calls do with one item after the other until ctx is done, which ends a call in progress. The item may be
// added again meanwhile. do reports whether it is worth another attempt; the items behind it wait for that too.
func (q *Queue[T]) Run(ctx context.Context, do func(ctx context.Context, item T) (again bool)) {
	for {
		select {
		case <-ctx.Done():
			return
		case item := <-q.items:
			try(requestid.With(ctx, q.take(item)), item, do)
		}
	}
}

func (q *Queue[T]) take(item T) (id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer delete(q.ids, item)
	return q.ids[item]
}

func try[T any](ctx context.Context, item T, do func(ctx context.Context, item T) (again bool)) {
	for range attempts {
		if !do(ctx, item) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
