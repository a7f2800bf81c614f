package httpd

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// logged writes one line for each request, when it has been answered.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := record(w)
		start := time.Now()
		defer func() { answer.log(r, log, time.Since(start)) }() // deferred: a cut connection unwinds through here
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

// recorder remembers what was answered, for Handler and for the log.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header has been written
	bytes  int64
	err    error
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
	return n, err
}

// ReadFrom keeps sendfile(2) possible: without it a file is copied through a buffer of ours.
func (a *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(a.ResponseWriter, src)
	if n > 0 { // or else src failed before it gave anything, and there can still be another answer
		a.begun()
	}
	a.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *recorder) begun() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
}

func (a *recorder) log(r *http.Request, log *slog.Logger, took time.Duration) {
	a.begun() // an empty answer is 200 too
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()), slog.Int("status", a.status),
		slog.Int64("bytes", a.bytes), slog.Duration("took", took), slog.String("from", r.RemoteAddr),
	}
	if a.err != nil {
		attrs = append(attrs, slog.String("error", a.err.Error()))
	}
	cut := a.err != nil && a.status < http.StatusBadRequest // success was announced, and not kept up
	if a.status >= http.StatusInternalServerError || cut {
		level = slog.LevelWarn
	}
	log.LogAttrs(r.Context(), level, "request", attrs...)
}
