package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// stallPatience is how long a client may send no byte of a body.
	stallPatience = 15 * time.Second

	// takePatience is how long a client may take to accept the next piece of an answer. One that reads slowly looks
	// like one that does not read, and for minutes: the kernels at both ends have room for megabytes, and the next
	// piece goes out when a good part of that was read.
	takePatience = 5 * time.Minute

	// pieceSize is how much of an answer is handed to the network under one deadline, in bytes: enough for
	// sendfile(2) to be worth it.
	pieceSize = 256 << 10
)

// Body reads the body of a request. Its errors are of type *Error: 408 for a client that stalls, 400
// for a body that ends early. It is for one goroutine at a time.
type Body struct {
	r        *http.Request
	control  *http.ResponseController
	patience time.Duration
	read     int64
	err      error
}

// NewBody returns the body of r, which w answers. A client that sends no byte of it for 15 s is given up.
func NewBody(w http.ResponseWriter, r *http.Request) *Body {
	return NewBodyWithin(w, r, stallPatience)
}

// NewBodyWithin is NewBody for who is not a client, and may wait for one: it is given another time.
func NewBodyWithin(w http.ResponseWriter, r *http.Request, patience time.Duration) *Body {
	return &Body{r: r, control: http.NewResponseController(w), patience: patience}
}

func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if err := b.control.SetReadDeadline(time.Now().Add(b.patience)); err != nil {
		return 0, fmt.Errorf("set read deadline: %w", err)
	}
	n, err := b.r.Body.Read(p)
	b.read += int64(n)
	if err != nil {
		b.err = b.explain(err)
	}
	return n, b.err
}

// explain turns the error of a read into the answer for it. At EOF the deadline is lifted: net/http
// goes on reading in the background to notice a client that leaves, and must not take the pause
// while we work for one.
func (b *Body) explain(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		if err := b.control.SetReadDeadline(time.Time{}); err != nil {
			return fmt.Errorf("lift read deadline: %w", err)
		}
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Errorf(http.StatusRequestTimeout, "no byte of the body came for %v, after %d bytes", b.patience, b.read)
	case errors.Is(err, io.ErrUnexpectedEOF) && b.r.ContentLength >= 0:
		return Errorf(http.StatusBadRequest, "the body ended after %d of %d bytes", b.read, b.r.ContentLength)
	}
	return Errorf(http.StatusBadRequest, "the body broke off after %d bytes: %v", b.read, err)
}

// Err returns what ended the body other than its end, or nil. Where a body is passed on to another
// server this tells a client's fault from that server's.
func (b *Body) Err() error {
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// impatient bounds the wait for a body that no handler asks for: net/http reads what is left of one
// before it answers, and would wait for ever. Body sets later deadlines. The context of a request
// whose body was left to net/http may end at this one, which only a GET with a body would notice.
func impatient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// If it cannot be set, the connection is gone, and the next read says so.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(stallPatience))
		}
		next.ServeHTTP(w, r)
	})
}

// smallAnswer is up to how many bytes an answer is read whole and written in one piece with its header:
// sendfile(2) would take several system calls, and wake the client twice.
const smallAnswer = 32 << 10

// Send answers with size bytes of body, streamed. A client that takes more than 5 minutes for 256 KiB is
// given up. If body has fewer bytes it returns an error, and the client sees the connection cut.
func Send(w http.ResponseWriter, body io.Reader, size int64) error {
	control := http.NewResponseController(w)
	if size <= smallAnswer {
		return sendWhole(w, control, body, size)
	}
	for left := size; left > 0; {
		if err := control.SetWriteDeadline(time.Now().Add(takePatience)); err != nil {
			return fmt.Errorf("set write deadline: %w", err)
		}
		n, err := io.CopyN(w, body, min(left, pieceSize))
		left -= n
		if err != nil {
			return fmt.Errorf("send: %d of %d bytes left: %w", left, size, err)
		}
	}
	return nil
}

func sendWhole(w io.Writer, control *http.ResponseController, body io.Reader, size int64) error {
	whole := make([]byte, size)
	if _, err := io.ReadFull(body, whole); err != nil {
		return fmt.Errorf("send %d bytes: %w", size, err)
	}
	if err := control.SetWriteDeadline(time.Now().Add(takePatience)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	_, err := w.Write(whole)
	return err
}

// Stream returns a writer to an answer. A client that takes more than 5 minutes for one write is given up, so writes
// should not be long; a bufio.Writer around it makes them of one size.
func Stream(w http.ResponseWriter) io.Writer { return StreamWithin(w, takePatience) }

// StreamWithin is Stream for who is not a client, and may wait for one: it is given another time.
func StreamWithin(w http.ResponseWriter, patience time.Duration) io.Writer {
	return &stream{w, http.NewResponseController(w), patience}
}

type stream struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

func (s *stream) Write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	return s.w.Write(p)
}
