package objectstream

import (
	"errors"
	"io"

	"gostore/common/peer"
)

// upload is the body of a PATCH. The timer runs between two reads, when net/http writes to the data
// service, not during a read, which waits for our own client. A read fills p: of a body without a length
// each is a chunk, and net/http sends one of 4 bytes, a checksum, as a packet of its own.
type upload struct {
	body  io.Reader
	watch *peer.Watch
}

func (u *upload) Read(p []byte) (int, error) {
	u.watch.Stop()
	n, err := io.ReadFull(u.body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	u.watch.Start()
	return n, err
}

// Download is the body of a GET. The timer runs during Fill, which waits for the data service, not
// between two calls, when our own client takes what was read.
type Download struct {
	Size  int64 // of the whole file, in bytes
	body  io.ReadCloser
	watch *peer.Watch
}

// Fill reads as many bytes as the pieces hold. The data service has one timeout for all of them, however
// they trickle in.
func (d *Download) Fill(pieces ...[]byte) (err error) {
	d.watch.Start()
	defer d.watch.Stop()
	for _, piece := range pieces {
		if _, err = io.ReadFull(d.body, piece); err != nil {
			break
		}
	}
	return d.watch.Err(err)
}

// Close returns the connection to the pool if the body was read to its end, and cuts it if not.
func (d *Download) Close() error {
	err := d.body.Close()
	d.watch.End()
	return err
}
