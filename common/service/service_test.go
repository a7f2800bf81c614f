package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/common/httpd"
)

// timeout bounds every wait for something that should happen immediately.
const timeout = 20 * time.Second

// TestMain makes this test program a service, if TEST_SERVICE names one: only a process has an exit
// code and signals.
func TestMain(m *testing.M) {
	if run := services()[os.Getenv("TEST_SERVICE")]; run != nil {
		os.Args = append(os.Args[:1], strings.Fields(os.Getenv("TEST_ARGUMENTS"))...)
		Main(run)
		return
	}
	goleak.VerifyTestMain(m)
}

type service = func(ctx context.Context, env *Env, log *slog.Logger) error

func services() map[string]service {
	return map[string]service{
		"ends": func(context.Context, *Env, *slog.Logger) error { return nil },
		"fails": func(context.Context, *Env, *slog.Logger) error {
			return errors.Join(errors.New("one"), errors.New("two"))
		},
		"logs": func(_ context.Context, _ *Env, log *slog.Logger) error { log.Info("hello"); return nil },
		"configured": func(_ context.Context, env *Env, _ *slog.Logger) error {
			fmt.Println(env.Required("TEST_A"), env.Required("TEST_B"))
			return env.Err()
		},
		"waits": func(ctx context.Context, _ *Env, _ *slog.Logger) error {
			fmt.Println("ready")
			<-ctx.Done()
			fmt.Println("stopping")
			return nil
		},
		"hangs": func(ctx context.Context, _ *Env, _ *slog.Logger) error {
			fmt.Println("ready")
			<-ctx.Done()
			fmt.Println("stopping")
			time.Sleep(2 * timeout)
			return nil
		},
	}
}

func TestExit(t *testing.T) {
	for _, test := range []struct {
		service string
		env     []string
		code    int
		stderr  string
	}{
		{"ends", nil, 0, ""},
		{"fails", nil, 1, "error: one; two\n"},
		{"configured", []string{"TEST_A=a", "TEST_B=b"}, 0, ""},
		{"configured", []string{"TEST_A=a"}, 1, "error: not set in the environment: TEST_B\n"},
		{"configured", nil, 1, "error: not set in the environment: TEST_A, TEST_B\n"},
		{"ends", []string{"DEBUG_ADDRESS=:6060"}, 1, "error: DEBUG_ADDRESS=:6060: not a loopback address with a port, like 127.0.0.1:6060\n"},
	} {
		p := start(t, test.service, test.env...)
		require.Equal(t, test.code, p.wait(t), test)
		require.Equal(t, test.stderr, p.stderr.String())
	}
}

func TestLogGoesToStandardError(t *testing.T) {
	p := start(t, "logs")
	require.Zero(t, p.wait(t))
	require.Contains(t, p.stderr.String(), "level=INFO msg=hello\n")
	require.Equal(t, 1, strings.Count(p.stderr.String(), "\n"))
}

// With -health a program asks the one that runs: TEST_A is not set here, so running would fail.
func TestHealth(t *testing.T) {
	serve := func(state error) string {
		server := httptest.NewServer(httpd.Routes{"healthz": httpd.Health(func() error { return state })})
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	for _, test := range []struct {
		listen, advertise string
		code              int
		stderr            string
	}{
		{serve(nil), "", 0, ""},
		{"0.0.0.0:1", serve(nil), 0, ""},
		{serve(httpd.Unavailable("no broker")), "", 1, "503 Service Unavailable: no broker\n"},
		{freeAddress(t), "", 1, "connection refused\n"},
		{"", "", 1, "error: not set in the environment: LISTEN_ADDRESS\n"},
	} {
		p := start(t, "configured", "TEST_ARGUMENTS=-health", "LISTEN_ADDRESS="+test.listen, "ADVERTISE_ADDRESS="+test.advertise)
		require.Equal(t, test.code, p.wait(t), p.stderr.String())
		require.True(t, strings.HasSuffix(p.stderr.String(), test.stderr), p.stderr.String())
	}
}

func TestSignalEndsTheContext(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p := start(t, "waits")
		p.prints(t, "ready")
		require.NoError(t, p.cmd.Process.Signal(signal))
		p.prints(t, "stopping")
		require.Zero(t, p.wait(t), signal)
	}
}

func TestSecondSignalKills(t *testing.T) {
	p := start(t, "hangs")
	p.prints(t, "ready")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.prints(t, "stopping")
	require.Eventually(t, func() bool { // one that comes in the first moment may still be caught
		return errors.Is(p.cmd.Process.Signal(syscall.SIGTERM), os.ErrProcessDone) || p.hasEnded()
	}, timeout/2, 5*time.Millisecond)
	p.wait(t)
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, status.Signaled() && status.Signal() == syscall.SIGTERM, p.cmd.ProcessState)
}

func TestEnv(t *testing.T) {
	env := envOf(map[string]string{"SET": "value", "EMPTY": ""})
	require.Equal(t, "value", env.Required("SET"))
	require.Equal(t, "value", env.Optional("SET"))
	require.Empty(t, env.Optional("UNSET"))
	require.NoError(t, env.Err(), "an optional variable may be missing")
	require.Empty(t, env.Required("EMPTY"))
	require.Empty(t, env.Required("UNSET"))
	require.EqualError(t, env.Err(), "not set in the environment: EMPTY, UNSET")
}

func TestDebugAddressMustBeLoopback(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:6060", "192.168.0.1:6060", "example.com:6060", "127.0.0.1", "6060"} {
		ran := false
		err := debugged(t, address, func(context.Context, *Env, *slog.Logger) error { ran = true; return nil })
		require.ErrorContains(t, err, "DEBUG_ADDRESS="+address+": not a loopback address")
		require.False(t, ran, address)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "127.1.2.3", "::1"} {
		require.True(t, isLoopback(host), host)
	}
}

func TestDebugServesProfilesAndMetricsWhileTheServiceRuns(t *testing.T) {
	address := freeAddress(t)
	err := debugged(t, address, func(ctx context.Context, _ *Env, _ *slog.Logger) error {
		require.Eventually(t, func() bool { return status(ctx, address, "/debug/pprof/") == http.StatusOK }, timeout, time.Millisecond)
		require.Equal(t, http.StatusOK, status(ctx, address, "/debug/pprof/heap"))
		require.Equal(t, http.StatusOK, status(ctx, address, "/metrics"))
		require.Equal(t, http.StatusNotFound, status(ctx, address, "/"))
		return nil
	})
	require.NoError(t, err)
	_, err = net.Dial("tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "it ends with the service")
}

func TestDebugAddressInUseStopsTheService(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close() // no client has connected
	err = debugged(t, listener.Addr().String(), func(ctx context.Context, _ *Env, _ *slog.Logger) error {
		<-ctx.Done()
		return nil
	})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
}

// A debug server that has not begun yet does not fail a service that ends.
func TestServiceThatEndsImmediatelyWithDebug(t *testing.T) {
	for _, want := range []error{nil, errors.New("a setting is wrong")} {
		for range 100 {
			err := debugged(t, "localhost:0", func(context.Context, *Env, *slog.Logger) error { return want })
			require.ErrorIs(t, err, want)
			if want != nil {
				require.EqualError(t, err, want.Error())
			}
		}
	}
}

func debugged(t *testing.T, address string, run service) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	err := withDebug(ctx, envOf(map[string]string{"DEBUG_ADDRESS": address}), slog.New(slog.DiscardHandler), run)
	require.NoError(t, ctx.Err(), "not in time")
	return err
}

func envOf(values map[string]string) *Env {
	return newEnv(func(name string) string { return values[name] })
}

// freeAddress is one that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// status returns 0 if there is no answer.
func status(ctx context.Context, address, path string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close() // only the status is wanted
	return answer.StatusCode
}

// process is this test program as a service.
type process struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer // whole after wait
	ended  chan struct{}
}

// start has the process killed if it lives much too long.
func start(t *testing.T, service string, env ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	p := &process{cmd: exec.CommandContext(ctx, os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TEST_SERVICE="+service, "GORACE=atexit_sleep_ms=0") // with -race, else a second each
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stderr = &p.stderr
	out, w := io.Pipe()
	p.out, p.cmd.Stdout = bufio.NewReader(out), w
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is in ProcessState
		_ = w.Close()    // never fails
	}()
	t.Cleanup(func() {
		cancel()
		_ = out.Close() // never fails
		<-p.ended
	})
	return p
}

func (p *process) prints(t *testing.T, want string) {
	t.Helper()
	line, err := p.out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, want+"\n", line)
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// wait returns the exit code, −1 for a process that was killed.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	_, err := io.Copy(io.Discard, p.out) // what is left, so that the process can end
	require.NoError(t, err)
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"": time.Hour, "90m": 90 * time.Minute, "0s": 0, "-1h": 0, "24": 0, "soon": 0} {
		env := newEnv(func(string) string { return text })
		got := env.Duration("AGE", time.Hour)
		if want == 0 {
			require.ErrorContains(t, env.Err(), "AGE=", text)
			continue
		}
		require.NoError(t, env.Err())
		require.Equal(t, want, got)
	}
}
