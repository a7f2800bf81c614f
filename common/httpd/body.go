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
	// stallTimeout is how long a client may send no byte of a body.
	stallTimeout = 15 * time.Second

	// takeTimeout is how long a client may take to accept the next piece of an answer. A client
	// that reads slowly looks for minutes like one that does not read: the kernels at both ends
	// buffer megabytes, and accept the next piece when a good part of that was read.
	takeTimeout = 5 * time.Minute

	// pieceSize is how much of an answer is sent under one deadline, in bytes.
	pieceSize = 256 << 10
)

// Body reads the body of a request. Its errors are of type *Error: 408 for a client that stalls,
// 400 for a body that ends early. Only one goroutine may use it at a time.
type Body struct {
	r       *http.Request
	control *http.ResponseController
	timeout time.Duration
	read    int64
	err     error
}

// NewBody returns the body of r, which w answers. A client may send no byte of it for 15 s.
func NewBody(w http.ResponseWriter, r *http.Request) *Body {
	return NewBodyWithin(w, r, stallTimeout)
}

// NewBodyWithin is NewBody with another timeout, for a sender that may itself wait for a client.
func NewBodyWithin(w http.ResponseWriter, r *http.Request, timeout time.Duration) *Body {
	return &Body{r: r, control: http.NewResponseController(w), timeout: timeout}
}

func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if err := b.control.SetReadDeadline(time.Now().Add(b.timeout)); err != nil {
		return 0, fmt.Errorf("set read deadline: %w", err)
	}
	n, err := b.r.Body.Read(p)
	b.read += int64(n)
	if err != nil {
		b.err = b.explain(err)
	}
	return n, b.err
}

// explain turns the error of a read into the answer for it.
func (b *Body) explain(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Errorf(http.StatusRequestTimeout, "no byte of the body came for %v, after %d bytes", b.timeout, b.read)
	case errors.Is(err, io.ErrUnexpectedEOF) && b.r.ContentLength >= 0:
		return Errorf(http.StatusBadRequest, "the body ended after %d of %d bytes", b.read, b.r.ContentLength)
	}
	return Errorf(http.StatusBadRequest, "the body broke off after %d bytes: %v", b.read, err)
}

// Err returns what ended the body other than its end, or nil. Where a body is passed on to another
// server this distinguishes a client's fault from that server's.
func (b *Body) Err() error {
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// NoPartialPut returns an error, 400, for a PUT of a part of an object (RFC 9110, section 14.5):
// a server that ignored Content-Range would store the part as the whole object.
func NoPartialPut(r *http.Request) error {
	if len(r.Header.Values("Content-Range")) == 0 {
		return nil
	}
	return Errorf(http.StatusBadRequest, "a part of an object cannot be put: send all of it, without Content-Range")
}

// Send answers with size bytes of body, streamed. A client may take 5 minutes for each 256 KiB. If
// body has fewer bytes Send returns an error, and the client sees the connection cut.
func Send(w http.ResponseWriter, body io.Reader, size int64) error {
	return SendWithin(w, body, size, takeTimeout)
}

// SendWithin is Send with another timeout, for a receiver that may itself wait for a client.
func SendWithin(w http.ResponseWriter, body io.Reader, size int64, timeout time.Duration) error {
	return send(w, w, body, size, timeout)
}

// SendFile is SendWithin for a file. Where the kernel can pass its bytes on by itself (sendfile, so not over TLS) they
// do not come to this process.
func SendFile(w http.ResponseWriter, f *os.File, size int64, timeout time.Duration) error {
	to := io.Writer(w)
	if answer, is := w.(*recorder); is {
		to = fileRecorder{answer}
	}
	return send(w, to, f, size, timeout)
}

func send(w http.ResponseWriter, to io.Writer, body io.Reader, size int64, timeout time.Duration) error {
	control := http.NewResponseController(w)
	for left := size; left > 0; {
		if err := control.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return fmt.Errorf("set write deadline: %w", err)
		}
		n, err := io.CopyN(to, body, min(left, pieceSize))
		left -= n
		if err != nil {
			return fmt.Errorf("send: %d of %d bytes left: %w", left, size, err)
		}
	}
	return nil
}

// Stream returns a writer to an answer. A client may take 5 minutes for each write, so writes
// should not be long; a bufio.Writer around it makes them of one size.
func Stream(w http.ResponseWriter) io.Writer {
	return &stream{w, http.NewResponseController(w)}
}

type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *stream) Write(p []byte) (int, error) {
	if err := s.control.SetWriteDeadline(time.Now().Add(takeTimeout)); err != nil {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	return s.w.Write(p)
}
