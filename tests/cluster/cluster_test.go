package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childDir is the environment variable that makes this test binary start a cluster in that
// directory and wait to be killed.
const childDir = "CLUSTER_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
	}
	os.Exit(m.Run())
}

func chapter1() string {
	dir, err := filepath.Abs("../../v1")
	if err != nil {
		panic(err) // of a test helper: a stack trace is as good as a message
	}
	return dir
}

func runChild(dir string) {
	ports, err := ReservePorts()
	if err == nil {
		var c *Cluster
		if c, err = Start(context.Background(), configIn(dir, ports)); err == nil {
			fmt.Println(c.API[0].Address)
			select {}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// configIn configures chapter 1, the simplest.
func configIn(dir string, ports *Ports) Config {
	addresses, err := ports.Take(1)
	if err != nil {
		panic(err) // of a test helper: a stack trace is as good as a message
	}
	return Config{Chapter: chapter1(), Dir: dir, APIServices: addresses}
}

func newConfig(t *testing.T) Config {
	ports, err := ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ports.Release()) })
	return configIn(t.TempDir(), ports)
}

func startCluster(t *testing.T) *Cluster {
	c, err := Start(t.Context(), newConfig(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	return c
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close() // nothing was sent
	}
	return err == nil
}

func eventually(t *testing.T, check func() bool) {
	t.Helper()
	require.Eventually(t, check, 5*time.Second, 10*time.Millisecond)
}

func TestStopLeavesNothing(t *testing.T) {
	c, err := Start(t.Context(), newConfig(t))
	require.NoError(t, err)
	p := c.API[0]
	require.True(t, listens(p.Address))
	require.NoError(t, c.Stop())
	require.False(t, listens(p.Address))
	require.ErrorIs(t, syscall.Kill(p.PID(), 0), syscall.ESRCH)
}

func TestKilledTestLeavesNothing(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+t.TempDir())
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	address := strings.TrimSpace(line)
	require.True(t, listens(address), line)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	eventually(t, func() bool { return !listens(address) })
}

func TestKilledFrozenAndResumed(t *testing.T) {
	c := startCluster(t)
	p := c.API[0]
	first := p.PID()
	p.Kill()
	require.Error(t, p.healthy(t.Context()))
	require.NoError(t, p.Resume())
	require.NoError(t, c.AwaitHealthy(t.Context()))
	require.NotEqual(t, first, p.PID())

	second := p.PID()
	require.NoError(t, p.Freeze())
	eventually(t, func() bool { return isSilent(t, p) }) // SIGSTOP takes a moment to reach every thread
	require.NoError(t, p.Resume())
	require.NoError(t, c.AwaitHealthy(t.Context()))
	require.Equal(t, second, p.PID())
}

func isSilent(t *testing.T, p *Process) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	return errors.Is(p.healthy(ctx), context.DeadlineExceeded)
}

func TestPortInUse(t *testing.T) {
	cfg := newConfig(t)
	listener, err := net.Listen("tcp", cfg.APIServices[0])
	require.NoError(t, err)
	defer listener.Close() // for this test only
	_, err = Start(t.Context(), cfg)
	require.ErrorContains(t, err, "cannot listen on "+cfg.APIServices[0])
}

func TestChapterThatDoesNotBuild(t *testing.T) {
	cfg := newConfig(t)
	cfg.Chapter = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(cfg.Chapter, "go.mod"), []byte("module broken\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.Chapter, "main.go"), []byte("package main\nfunc main() { x }\n"), 0o644))
	t.Setenv("GOWORK", "off")
	_, err := Start(t.Context(), cfg)
	require.ErrorContains(t, err, "undefined: x")
}

func TestServiceThatExits(t *testing.T) {
	cfg := newConfig(t)
	cfg.Env = []string{"DEBUG_ADDRESS=nonsense"}
	_, err := Start(t.Context(), cfg)
	require.ErrorContains(t, err, "it exited")
	require.ErrorContains(t, err, "DEBUG_ADDRESS=nonsense")
}

func TestWriteLogs(t *testing.T) {
	c := startCluster(t)
	var logs bytes.Buffer
	c.WriteLogs(&logs)
	require.Contains(t, logs.String(), "listening")
	require.True(t, strings.HasPrefix(logs.String(), "--- server ("+c.API[0].Address))
}

func TestPortsAreReservedOnce(t *testing.T) {
	taken := map[string]bool{}
	for range 2 {
		ports, err := ReservePorts()
		require.NoError(t, err)
		defer ports.Release()                       //nolint:errcheck // they are also released at the end of the process
		addresses, err := ports.Take(blockSize + 1) // of two blocks
		require.NoError(t, err)
		for _, address := range addresses {
			require.False(t, taken[address], address)
			taken[address] = true
		}
	}
}

// TestDebugAddress is served after a restart too, and is not in the command.
func TestDebugAddress(t *testing.T) {
	cfg := newConfig(t)
	ports, err := ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ports.Release()) })
	cfg.DebugAddresses, err = ports.Take(1)
	require.NoError(t, err)
	c, err := Start(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	p := c.API[0]
	eventually(t, func() bool { return listens(p.Debug) })
	p.Kill()
	require.NoError(t, p.Resume())
	require.NoError(t, c.AwaitHealthy(t.Context()))
	eventually(t, func() bool { return listens(p.Debug) })
	require.NotContains(t, p.Command(), "DEBUG_ADDRESS")
}

// TestCommand has a shell read what Command returns.
func TestCommand(t *testing.T) {
	p := &Process{Env: []string{"STORE_ROOT=/a reader's/$HOME", "ES_SERVER=http://localhost:9200"}, program: "/usr/bin/env"}
	require.Contains(t, p.Command(), " ES_SERVER=http://localhost:9200 /usr/bin/env")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", p.Command()).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "STORE_ROOT=/a reader's/$HOME\n")
}
