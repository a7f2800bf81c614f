package hash

import (
	"crypto/sha256"
	"hash"
	"io"
)

// Writer passes bytes on and looks whether they have a hash, as Reader does: it passes the last of them
// on only if they do. It is for one goroutine at a time.
type Writer struct {
	to   io.Writer
	sum  hash.Hash
	want Hash
	left int64 // bytes that are to come
}

// NewWriter returns a Writer of size bytes that should have the hash want. More are an error too; whether
// fewer came, the caller knows.
func NewWriter(to io.Writer, want Hash, size int64) *Writer {
	return &Writer{to: to, sum: sha256.New(), want: want, left: size}
}

func (w *Writer) Write(p []byte) (int, error) {
	w.sum.Write(p) // never fails
	w.left -= int64(len(p))
	if w.left <= 0 {
		if err := compare(w.sum, w.want); err != nil {
			return 0, err
		}
	}
	return w.to.Write(p)
}
