package objectstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	stallPatience  = 5 * time.Second // for a data service to take or send the next piece of a body: there are others
	commitPatience = 5 * time.Minute // for it to make a whole body durable: 10 GiB take a slow disk minutes
)

// errStalled is the cause of the end of a request to a data service that stopped in the middle.
var errStalled = errors.New("it stalled")

// watch ends a request when the data service at the other end lets a time pass that it may not.
type watch struct {
	timer *time.Timer
	end   context.CancelFunc // must be called; ends the request if it has not ended
}

// watched returns the context for a request, which is given stallPatience from now on.
func watched(ctx context.Context, address string) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stallPatience, func() { cancel(fmt.Errorf("data service %s: %w", address, errStalled)) })
	return ctx, &watch{timer, func() { timer.Stop(); cancel(nil) }}
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
	u.watch.timer.Reset(stallPatience)
	return n, err
}

// download is the body of a GET. The clock runs in a read, which waits for the data service, not
// between two, when our own client takes what was read.
type download struct {
	body  io.ReadCloser
	watch *watch
}

func (d *download) Read(p []byte) (int, error) {
	d.watch.timer.Reset(stallPatience)
	n, err := d.body.Read(p)
	d.watch.timer.Stop()
	return n, err
}

// Close gives the connection back if the body was read to its end, and cuts it if not.
func (d *download) Close() error {
	err := d.body.Close()
	d.watch.end()
	return err
}
