package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"

	"gostore/common/httpd"
	"gostore/common/metrics"
)

// withDebug runs a service and, where DEBUG_ADDRESS is set, its metrics and net/http/pprof on that
// address beside it:
//
//	DEBUG_ADDRESS=127.0.0.1:6060 …   and   curl http://127.0.0.1:6060/metrics
//	                                 or    go tool pprof http://127.0.0.1:6060/debug/pprof/profile
//
// It must be a loopback address, since a profile shows the inside of a process.
func withDebug(ctx context.Context, env *Env, log *slog.Logger,
	run func(ctx context.Context, env *Env, log *slog.Logger) error) error {
	address := env.Optional("DEBUG_ADDRESS")
	if address == "" {
		return run(ctx, env, log)
	}
	if host, _, err := net.SplitHostPort(address); err != nil || !isLoopback(host) {
		return fmt.Errorf("DEBUG_ADDRESS=%s: not a loopback address with a port, like 127.0.0.1:6060", address)
	}
	ctx, cancel := context.WithCancel(ctx)
	debug := make(chan error, 1)
	go func() {
		defer cancel() // a debug port that is in use stops the service
		debug <- httpd.Serve(ctx, address, nil, debugHandler(env.metrics), metrics.New(), log)
	}()
	err := run(ctx, env, log)
	cancel()
	return errors.Join(err, <-debug)
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func debugHandler(stats *metrics.Set) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", stats)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
