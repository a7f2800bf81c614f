package objectstream

import (
	"io"
	"sync/atomic"

	"gostore/common/peer"
)

// upload is the body of a PUT. The timer runs between two reads, when net/http writes to the data
// service, not during a read, which waits for our own client.
type upload struct {
	body    io.Reader
	watch   *peer.Watch
	begun   atomic.Bool // set by the first Read, or by put, if nothing was read: Read fails then
	reading bool        // set by the first Read
	size    int64       // bytes so far
}

func (u *upload) Read(p []byte) (int, error) {
	if !u.reading && !u.begun.CompareAndSwap(false, true) {
		return 0, errRefused // another data service may have the body now
	}
	u.reading = true
	u.watch.Stop()
	n, err := u.body.Read(p)
	u.size += int64(n)
	if err == nil {
		u.watch.Start()
	} else {
		u.watch.StartFor(peer.TimeoutOf(u.size))
	}
	return n, err
}

// Download is the body of a GET. The timer runs during a read, which waits for the data service, not
// between two, when our own client takes what was read.
type Download struct {
	Size  int64 // bytes
	body  io.ReadCloser
	watch *peer.Watch
}

func (d *Download) Read(p []byte) (int, error) {
	d.watch.Start()
	n, err := d.body.Read(p)
	d.watch.Stop()
	return n, d.watch.Err(err)
}

// Close returns the connection to the pool if the body was read to its end, and cuts it if not.
func (d *Download) Close() error {
	err := d.body.Close()
	d.watch.End()
	return err
}
