package hash

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// ErrMismatch is wrapped by the error of a Reader whose bytes do not have the hash that they should.
var ErrMismatch = errors.New("wrong SHA-256")

// Reader passes bytes on and looks whether they have a hash. It gives the last of them only if they
// do: whoever takes fewer bytes than there should be for a failure never takes wrong ones for right.
// It is for one goroutine at a time.
type Reader struct {
	from io.Reader
	sum  hash.Hash
	want Hash
	left int64 // bytes that are to come
	err  error
}

// NewReader returns a Reader of size bytes that should have the hash want. More or fewer bytes are
// an error too. One of no bytes tells by its first Read.
func NewReader(from io.Reader, want Hash, size int64) *Reader {
	return &Reader{from: from, sum: sha256.New(), want: want, left: size}
}

func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		r.err = r.check()
		return 0, r.err
	}
	n, err := r.from.Read(p[:min(int64(len(p)), r.left)])
	r.sum.Write(p[:n]) // never fails
	r.left -= int64(n)
	switch {
	case r.left == 0:
		r.err = r.check()
	case errors.Is(err, io.EOF):
		r.err = fmt.Errorf("%d bytes are missing: %w", r.left, io.ErrUnexpectedEOF)
	default:
		r.err = err
	}
	if r.err != nil && !errors.Is(r.err, io.EOF) {
		return 0, r.err
	}
	return n, r.err
}

// check returns io.EOF if all is well.
func (r *Reader) check() error {
	if err := Check(r.sum, r.want); err != nil {
		return err
	}
	return io.EOF
}

// Check looks whether a SHA-256 has come to what it should. The error wraps ErrMismatch.
func Check(sum hash.Hash, want Hash) error {
	if got := Hash(sum.Sum(nil)); got != want {
		return fmt.Errorf("%w: the content has %s, not %s", ErrMismatch, got, want)
	}
	return nil
}

// Err returns what ended the reader other than its end, or nil.
func (r *Reader) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}
