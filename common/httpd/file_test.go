package httpd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileTaker is an answer that, as that of net/http, can have the kernel send a file.
type fileTaker struct {
	*httptest.ResponseRecorder
	files int
}

func (f *fileTaker) ReadFrom(r io.Reader) (int64, error) {
	if part, ok := r.(*io.LimitedReader); ok {
		if _, ok := part.R.(*os.File); ok {
			f.files++
		}
	}
	return io.Copy(f.ResponseRecorder, r)
}

func (f *fileTaker) SetWriteDeadline(time.Time) error { return nil }

// TestSendFile sends a part of a file: it is offered to net/http as a file, and counted as sent.
func TestSendFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, make([]byte, 600<<10), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close() // opened for reading
	taker := &fileTaker{ResponseRecorder: httptest.NewRecorder()}
	answer := record(taker)
	require.NoError(t, SendFile(answer, f, 512<<10, time.Minute))
	require.Equal(t, 2, taker.files, "pieces of 256 KiB")
	require.EqualValues(t, 512<<10, answer.bytes)
	require.Equal(t, 512<<10, taker.Body.Len())
	require.Equal(t, http.StatusOK, answer.outcome())

	require.ErrorIs(t, SendFile(answer, f, 512<<10, time.Minute), io.EOF, "the file has fewer bytes")
}
