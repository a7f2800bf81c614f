package objectstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// StallPatience is for a data service to take or send the next piece of a body: there are others.
	StallPatience = 5 * time.Second
	// commitPatience is for it to make a whole body durable, or read it: 10 GiB take a slow disk minutes.
	commitPatience = 5 * time.Minute
)

// ErrStalled is wrapped by the errors for a data service that stopped in the middle.
var ErrStalled = errors.New("it stalled")

// watch ends a request when the data service at the other end lets a time pass that it may not.
type watch struct {
	ctx   context.Context
	timer *time.Timer
	end   context.CancelFunc // must be called; ends the request if it has not ended
}

// watched returns the context for a request, which is given patience from now on.
func watched(ctx context.Context, address string, patience time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(patience, func() { cancel(fmt.Errorf("data service %s: %w", address, ErrStalled)) })
	return ctx, &watch{ctx, timer, func() { timer.Stop(); cancel(nil) }}
}

// Download is a shard on its way from a data service. It is for one goroutine at a time.
type Download struct {
	Size  int64 // bytes
	body  io.ReadCloser
	watch *watch
}

// Fill reads as many bytes as p has. The data service is given patience for all of them, after which the error
// wraps ErrStalled. The clock does not run between two calls, when our own client takes what was read.
func (d *Download) Fill(p []byte, patience time.Duration) error {
	d.watch.timer.Reset(patience)
	_, err := io.ReadFull(d.body, p)
	d.watch.timer.Stop()
	if err != nil && d.watch.ctx.Err() != nil {
		err = context.Cause(d.watch.ctx)
	}
	return err
}

// Close gives the connection back if the body was read to its end, and cuts it if not.
func (d *Download) Close() {
	_ = d.body.Close() // what is needed of it was read
	d.watch.end()
}
