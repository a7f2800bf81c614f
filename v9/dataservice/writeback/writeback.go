// Package writeback has the disk write a file while more of it comes, so that the fsync in the end has less to wait for.
package writeback

import (
	"errors"
	"io"
	"os"
)

const (
	pieceSize = 128 << 10
	// early is after how many bytes the kernel is told to write them to the disk.
	early = 1 << 20
)

// Reader returns a reader of a body, for io.Copy to a file.
func Reader(body io.Reader) io.Reader { return reader{body} }

type reader struct{ io.Reader }

// WriteTo implements io.WriterTo, which io.Copy prefers.
func (r reader) WriteTo(w io.Writer) (written int64, err error) {
	f, isFile := w.(*os.File)
	begun := int64(0)
	for piece := make([]byte, pieceSize); err == nil; {
		var n int
		n, err = r.Read(piece)
		if _, failed := w.Write(piece[:n]); failed != nil {
			return written, failed
		}
		written += int64(n)
		if isFile && written-begun >= early {
			begin(f)
			begun = written
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return written, err
}
