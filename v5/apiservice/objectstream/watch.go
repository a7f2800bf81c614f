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
	ctx      context.Context
	patience time.Duration
	timer    *time.Timer
	end      context.CancelFunc // must be called; ends the request if it has not ended
}

// watched returns the context for a request, which is given patience from now on.
func watched(ctx context.Context, address string, patience time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(patience, func() { cancel(fmt.Errorf("data service %s: %w", address, ErrStalled)) })
	return ctx, &watch{ctx, patience, timer, func() { timer.Stop(); cancel(nil) }}
}

// upload is the body of a PATCH. The clock runs between two reads, when net/http writes to the data
// service, not in a read, which waits for our own client.
type upload struct {
	body  io.Reader
	watch *watch
}

func (u *upload) Read(p []byte) (int, error) {
	u.watch.timer.Stop()
	n, err := u.body.Read(p)
	u.watch.timer.Reset(u.watch.patience)
	return n, err
}

// download is the body of a GET. The clock runs in a read, which waits for the data service, not
// between two, when our own client takes what was read.
type download struct {
	body  io.ReadCloser
	watch *watch
}

func (d *download) Read(p []byte) (int, error) {
	d.watch.timer.Reset(d.watch.patience)
	n, err := d.body.Read(p)
	d.watch.timer.Stop()
	if err != nil && d.watch.ctx.Err() != nil {
		err = context.Cause(d.watch.ctx)
	}
	return n, err
}

// Close gives the connection back if the body was read to its end, and cuts it if not.
func (d *download) Close() error {
	err := d.body.Close()
	d.watch.end()
	return err
}
