// Package httpd has what every HTTP server of go-store needs around its handlers: routes that do
// not rewrite paths, one line for each error, an ID, one log line and metrics for each request, limits
// on clients that stall, and a stop that lets requests finish.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"gostore/common/metrics"
	"gostore/common/requestid"
)

const (
	headerTimeout = 10 * time.Second // for the whole header of a request
	idleTimeout   = 2 * time.Minute  // between two requests on one connection
	drainTimeout  = 10 * time.Second // for requests in flight when the server is told to stop
	maxHeader     = 32 << 10         // bytes
)

// Serve answers requests on address (host:port) until ctx is done, then lets those in flight finish
// for at most 10 s. It returns nil after such a stop, and an error if it cannot listen on address.
// Without a secure configuration it speaks plain HTTP.
func Serve(ctx context.Context, address string, secure *tls.Config, handler http.Handler, stats *metrics.Set, log *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if ctx.Err() != nil && err != nil {
		return nil // told to stop during the look-up of the host
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	return serve(ctx, listener, counted(handler, stats.HTTP()), log)
}

// serve closes the listener.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	requests, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	log.Info("listening", "address", listener.Addr().String())
	server := &http.Server{
		Handler:           untilAnswered(requests, identified(logged(handler, log))),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       stallTimeout, // for a body too, until a Body sets other deadlines
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- drain(server, log)
	}()
	err := server.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	cancel() // the server may have ended by itself
	return errors.Join(err, <-stopped)
}

// untilAnswered gives each request a context that ends with its handler, or with requests. That of
// net/http ends as soon as its read in the background does, at the read deadline or when the client
// closes its half of the connection, which a client may do that still waits for its answer. One
// that has left is noticed all the same: its body breaks off, or a write of the answer fails. What
// a handler does in between has timeouts.
func untilAnswered(requests context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(requests)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// identified gives each request an ID, that of its header if it is a valid one, and the answer has it.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := requestid.With(r.Context(), r.Header.Get(requestid.Header))
		w.Header().Set(requestid.Header, requestid.Of(ctx))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Scheme returns https, or http without a configuration.
func Scheme(secure *tls.Config) string {
	if secure == nil {
		return "http"
	}
	return "https"
}

func drain(server *http.Server, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests cut off", "after", drainTimeout)
		return server.Close()
	}
	return err
}
