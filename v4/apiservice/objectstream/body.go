package objectstream

import (
	"io"

	"gostore/common/peer"
)

// upload is the body of a PATCH. The timer runs between two reads, when net/http writes to the data
// service, not during a read, which waits for our own client.
type upload struct {
	body  io.Reader
	watch *peer.Watch
}

func (u *upload) Read(p []byte) (int, error) {
	u.watch.Stop()
	n, err := u.body.Read(p)
	u.watch.Start()
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
