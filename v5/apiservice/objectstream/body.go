package objectstream

import (
	"errors"
	"io"
	"net"
	"sync"
)

// body is what a request sends, as it lies in memory: a stripe is copied once, into the kernel. net/http
// takes the first few bytes with Read, to go out with the header, and a conn the rest with WriteTo.
type body struct {
	rest  net.Buffers
	next  func() (net.Buffers, error) // what comes after rest; io.EOF: nothing
	watch *watch
	close func()
}

// Close is called when net/http will not look at the body any more, be it after Do has returned.
func (b *body) Close() error {
	b.close()
	return nil
}

// fill waits for more to send if there is nothing. The clock runs while the data service takes what there
// is, not meanwhile, when our own client is waited for.
func (b *body) fill() error {
	if len(b.rest) > 0 {
		return nil
	}
	b.watch.timer.Stop()
	pieces, err := b.next()
	b.watch.timer.Reset(StallPatience)
	if err != nil {
		return err
	}
	b.rest = pieces
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.fill(); err != nil {
		return 0, err
	}
	n, _ := b.rest.Read(p) // its only error is that rest has come to an end
	return n, nil
}

func (b *body) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if err := b.fill(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		written, err := b.rest.WriteTo(w)
		n += written
		if err != nil {
			return n, err
		}
	}
}

// bodies waits until no body is looked at any more: net/http may send on when a request has failed.
type bodies struct{ open sync.WaitGroup }

func (bs *bodies) add(first net.Buffers, next func() (net.Buffers, error), watch *watch) *body {
	bs.open.Add(1)
	return &body{first, next, watch, sync.OnceFunc(bs.open.Done)}
}

// conn is a connection that takes bodies as they are. Others go through a buffer, as net/http has it.
type conn struct{ net.Conn }

// ReadFrom is how net/http sends a body. It wraps it, to see that no more is sent than was announced.
func (c conn) ReadFrom(r io.Reader) (int64, error) {
	if announced, is := r.(*io.LimitedReader); is {
		if b, is := announced.R.(*body); is {
			return b.WriteTo(c.Conn)
		}
	}
	return io.Copy(c.Conn, r)
}
