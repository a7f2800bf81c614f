package objectstream

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// watch cancels a request when the data service at the other end exceeds a timeout.
type watch struct {
	ctx     context.Context // of the request
	timeout time.Duration
	timer   *time.Timer
	end     context.CancelFunc // must be called; cancels the request if it has not ended
}

// watched returns the context for a request. Its timer runs from now on.
func (c *Client) watched(ctx context.Context, address string, timeout time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(timeout, func() {
		if timeout >= StallTimeout { // a shorter one is no proof
			c.breaker.stalled(address)
		}
		cancel(fmt.Errorf("data service %s: %w", address, ErrStalled))
	})
	return ctx, &watch{ctx, timeout, timer, func() { timer.Stop(); cancel(nil) }}
}

// timeoutOf is how long a data service may take to make size bytes durable, or to read them all.
func timeoutOf(size int64) time.Duration {
	return diskTimeout + time.Duration(size/diskRate)*time.Second
}

// upload is the body of a PATCH. The timer runs between two reads, when net/http writes to the data
// service, not during a read, which waits for our own client. A read fills p: of a body without a length
// each is a chunk, and net/http sends one of 4 bytes, a checksum, as a packet of its own.
type upload struct {
	body  io.Reader
	watch *watch
}

func (u *upload) Read(p []byte) (int, error) {
	u.watch.timer.Stop()
	n, err := io.ReadFull(u.body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	u.watch.timer.Reset(u.watch.timeout)
	return n, err
}

// Download is the body of a GET. The timer runs during Fill, which waits for the data service, not
// between two calls, when our own client takes what was read.
type Download struct {
	Size  int64 // of the whole file, in bytes
	body  io.ReadCloser
	watch *watch
}

// Fill reads as many bytes as the pieces hold. The data service has one timeout for all of them, however
// they trickle in.
func (d *Download) Fill(pieces ...[]byte) (err error) {
	d.watch.timer.Reset(d.watch.timeout)
	defer d.watch.timer.Stop()
	for _, piece := range pieces {
		if _, err = io.ReadFull(d.body, piece); err != nil {
			break
		}
	}
	if err != nil && d.watch.ctx.Err() != nil {
		err = context.Cause(d.watch.ctx)
	}
	return err
}

// Close returns the connection to the pool if the body was read to its end, and cuts it if not.
func (d *Download) Close() error {
	err := d.body.Close()
	d.watch.end()
	return err
}
