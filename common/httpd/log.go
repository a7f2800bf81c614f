package httpd

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// logged writes one line for each request, when it has been answered.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := record(w)
		start := time.Now()
		defer func() { answer.log(r, log, time.Since(start)) }() // also when a connection is cut, by a panic
		next.ServeHTTP(answer, r)
	})
}

// record returns w itself if it is a recorder already.
func record(w http.ResponseWriter) *recorder {
	if answer, ok := w.(*recorder); ok {
		return answer
	}
	return &recorder{ResponseWriter: w}
}

// recorder records what was answered, for Handler and for the log.
type recorder struct {
	http.ResponseWriter
	handler  string // the name of its route, "" without one
	status   int    // 0 until the header has been written
	bytes    int64
	received atomic.Int64 // bytes of the request's body
	err      error        // of the handler
	failed   error        // of a write
}

func (a *recorder) WriteHeader(status int) {
	if status >= http.StatusOK { // 1xx are not the answer yet
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *recorder) Write(p []byte) (int, error) {
	a.begun()
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	if err != nil {
		a.failed = err
	}
	return n, err
}

// fileRecorder is a recorder to which io.Copy offers a file as a whole.
type fileRecorder struct{ *recorder }

func (a fileRecorder) ReadFrom(f io.Reader) (int64, error) {
	a.begun()
	n, err := io.Copy(a.ResponseWriter, f)
	a.bytes += n
	if err != nil {
		a.failed = err
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *recorder) begun() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
}

// clientLeft reports whether a write failed because the client has closed the connection. A client
// that only does not read is still there.
func (a *recorder) clientLeft() bool {
	return a.failed != nil && !errors.Is(a.failed, os.ErrDeadlineExceeded)
}

// cut reports whether success was announced, but not achieved.
func (a *recorder) cut() bool { return a.err != nil && a.status < http.StatusBadRequest }

func (a *recorder) log(r *http.Request, log *slog.Logger, took time.Duration) {
	a.begun() // an empty answer is 200 too
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()), slog.Int("status", a.status),
		slog.Int64("bytes", a.bytes), slog.Duration("took", took), slog.String("from", r.RemoteAddr),
	}
	if a.err != nil {
		attrs = append(attrs, slog.String("error", a.err.Error()))
	}
	level, message := a.level(r)
	log.LogAttrs(r.Context(), level, message, attrs...)
}

func (a *recorder) level(r *http.Request) (level slog.Level, message string) {
	switch {
	case isHealthCheck(r), isScrape(r) && a.status == http.StatusOK:
		return slog.LevelDebug, "request" // there is one every few seconds
	case a.clientLeft():
		return slog.LevelInfo, "client left"
	case a.status >= http.StatusInternalServerError, a.cut():
		return slog.LevelWarn, "request"
	}
	return slog.LevelInfo, "request"
}
