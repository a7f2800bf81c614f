// Package service starts and stops a process: environment, log, signals, exit code.
package service

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gostore/common/metrics"
	"gostore/common/requestid"
)

// Main runs a service until run returns. SIGINT or SIGTERM ends the context of run, which then
// finishes the work in flight and returns; a second signal kills. Main exits with 0, or with 1
// after one line on standard error if run returns an error. With the argument -health it asks the
// service that is running already whether it is ready, and exits with 0 or 1.
func Main(run func(ctx context.Context, env *Env, log *slog.Logger) error) {
	log := slog.New(requestid.Logged(slog.NewTextHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	env := newEnv(os.Getenv)
	start := func() error { return withDebug(ctx, env, log, run) }
	if slices.Equal(os.Args[1:], []string{"-health"}) {
		start = func() error { return checkHealth(env) }
	}
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// Env is what a service gets at its start: settings from the environment, and its metrics.
type Env struct {
	lookup  func(string) string
	metrics *metrics.Set
	missing []string
	err     error // of a directory, a duration, a number, or a certificate
}

func newEnv(lookup func(string) string) *Env { return &Env{lookup: lookup, metrics: metrics.New()} }

// Metrics returns the metrics of the service, which the debug address shows.
func (e *Env) Metrics() *metrics.Set { return e.metrics }

// Required returns a variable that must be set. Err names those that are not.
func (e *Env) Required(name string) string {
	value := e.lookup(name)
	if value == "" {
		e.missing = append(e.missing, name)
	}
	return value
}

// Directory is Required for a directory. If NAME_MUST_EXIST is set, other than to 0, Err returns an
// error if it is not there: a directory on a disk that is not mounted must not be made elsewhere.
func (e *Env) Directory(name string) string {
	path, exists := e.Required(name), name+"_MUST_EXIST"
	if must := e.lookup(exists); path == "" || must == "" || must == "0" {
		return path
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		e.err = fmt.Errorf("%s=%s is not a directory that is there, and %s is set: is its disk mounted?", name, path, exists)
	}
	return path
}

// Optional returns a variable, or "" if it is not set.
func (e *Env) Optional(name string) string {
	return e.lookup(name)
}

// OrElse returns a variable, or fallback if it is not set.
func (e *Env) OrElse(name, fallback string) string {
	return cmp.Or(e.lookup(name), fallback)
}

// Advertised returns ADVERTISE_ADDRESS, or else listen: where others reach this service. Err returns an
// error if that names no host, as the address of one does that listens on every interface (":8888").
func (e *Env) Advertised(listen string) string {
	address := e.OrElse("ADVERTISE_ADDRESS", listen)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		e.err = fmt.Errorf("address of this service: %w", err)
	} else if host == "" || net.ParseIP(host).IsUnspecified() || port == "0" {
		e.err = fmt.Errorf("%s names no host and port that API services could reach: set ADVERTISE_ADDRESS=HOST:PORT", address)
	}
	return address
}

// Duration returns a variable in Go's notation, such as 24h, or fallback if it is not set. Err returns
// an error if it is none that is longer than 0.
func (e *Env) Duration(name string, fallback time.Duration) time.Duration {
	text := e.lookup(name)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		e.err = fmt.Errorf("%s=%.40q is not a duration, such as 24h or 90m", name, text)
	}
	return d
}

// Number returns a variable that is a whole number, or fallback if it is not set. Err returns an error if
// it is none, or less than least.
func (e *Env) Number(name string, fallback, least int64) int64 {
	text := e.lookup(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least {
		e.err = fmt.Errorf("%s=%.40q is not a whole number from %d on", name, text, least)
	}
	return n
}

// Err returns an error if a required variable was not set, or another is wrong.
func (e *Env) Err() error {
	if len(e.missing) == 0 {
		return e.err
	}
	return fmt.Errorf("not set in the environment: %s", strings.Join(e.missing, ", "))
}
