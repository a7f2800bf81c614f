package objects

import (
	"context"
	"sync"
	"time"
)

// readyFor is for how long an answer of Elasticsearch says that it can be written to.
const readyFor = time.Second

// readiness asks once a second, instead of once for each PUT, so that content is not stored when no version
// can be added. Its methods may be called by several goroutines at once.
type readiness struct {
	ask func(ctx context.Context) error

	mu    sync.Mutex
	until time.Time
}

func (r *readiness) check(ctx context.Context) error {
	now := time.Now()
	if r.isAt(now) {
		return nil
	}
	err := r.ask(ctx)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.until = now.Add(readyFor)
	}
	return err
}

func (r *readiness) isAt(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until)
}
