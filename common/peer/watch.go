package peer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// StallTimeout is how long a data service may take to accept or send the next piece of a body.
	StallTimeout = 5 * time.Second
	// diskTimeout is how long it may take for a whole body, beside the time for its bytes.
	diskTimeout = 10 * time.Second
	// diskRate is what the slowest disk reads or writes, in bytes a second.
	diskRate = 10 << 20
)

// ErrStalled is wrapped by the errors for a data service that stopped in the middle.
var ErrStalled = errors.New("it stalled")

// Watch cancels a request when the data service at the other end exceeds a timeout. One goroutine at a
// time may use it.
type Watch struct {
	ctx     context.Context // of the request
	timeout time.Duration
	timer   *time.Timer
	End     context.CancelFunc // must be called; cancels the request if it has not ended
}

// Watched returns the context for a request. Its timer runs from now on.
func (c *Client) Watched(ctx context.Context, address string, timeout time.Duration) (context.Context, *Watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(timeout, func() {
		if timeout >= StallTimeout {
			c.breaker.stalled(address)
		} else { // no proof
			c.late.Store(address, time.Now())
		}
		cancel(fmt.Errorf("data service %s: %w", address, ErrStalled))
	})
	return ctx, &Watch{ctx, timeout, timer, func() { timer.Stop(); cancel(nil) }}
}

// Late reports whether a data service has exceeded a timeout in the last seconds, be it a short one.
func (c *Client) Late(address string) bool {
	since, _ := c.late.Load(address)
	was, late := since.(time.Time)
	return late && time.Since(was) < StallTimeout
}

// TimeoutOf is how long a data service may take to make size bytes durable, or to read them all.
func TimeoutOf(size int64) time.Duration {
	return diskTimeout + time.Duration(size/diskRate)*time.Second
}

// Start gives the data service its timeout from now on.
func (w *Watch) Start() { w.StartFor(w.timeout) }

// StartFor is Start with another timeout.
func (w *Watch) StartFor(timeout time.Duration) { w.timer.Reset(timeout) }

// Stop stops the timer: what follows does not wait for the data service.
func (w *Watch) Stop() { w.timer.Stop() }

// Err returns why the request was canceled, or err if it was not.
func (w *Watch) Err(err error) error {
	if err != nil && w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}
