package hash

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Reader passes bytes on and checks their hash. It returns the last of them only if the hash is
// right, so a caller that expects all bytes never takes wrong ones for right.
// Only one goroutine may use it at a time.
type Reader struct {
	from io.Reader
	sum  hash.Hash
	want Hash
	left int64 // bytes that are still to come
	err  error
}

// NewReader returns a Reader of the first size bytes, which should have the hash want. Fewer bytes
// are an error too. For no bytes the first Read returns the result.
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

// check returns io.EOF if the hash is right.
func (r *Reader) check() error {
	if err := Check(r.sum, r.want); err != nil {
		return err
	}
	return io.EOF
}

// Check returns nil if a SHA-256 is the one wanted. The error wraps ErrMismatch.
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
