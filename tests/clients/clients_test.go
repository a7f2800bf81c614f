package clients

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
	"gostore/tests/fault/gate"
	"gostore/tests/stack"
)

const (
	startTimeout = 5 * time.Minute // a cold build, and containers to start
	stopTimeout  = 30 * time.Second
	size         = 8_000_000
	half         = size / 2
	overhead     = 400_000 // bytes of headers, and of what a gate held back for a server that was killed
)

// store is a running store and what clients connect to: a gate that is a load balancer too.
type store struct {
	*cluster.Cluster
	gate *gate.Gate
}

// start runs a chapter until the end of the test.
func start(t *testing.T, chapter string) *store {
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	servers, err := stack.Acquire(ctx, stack.Request{Ways: stack.ForTests(), Log: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		require.NoError(t, servers.Close(ctx))
	})
	ports, err := cluster.ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ports.Release()) })
	addresses, err := ports.Take(8)
	require.NoError(t, err)
	c, err := cluster.Start(ctx, cluster.Config{
		Chapter: chapter, Dir: t.TempDir(), DataServices: addresses[:6], APIServices: addresses[6:], Servers: servers,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			c.WriteLogs(os.Stderr)
		}
		require.NoError(t, c.Stop())
	})
	return &store{Cluster: c}
}

// newest returns the directory of the newest chapter with resumable uploads.
func newest(t *testing.T) string {
	found, err := filepath.Glob("../../v*/apiservice/uploads")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	chapter, err := filepath.Abs(filepath.Dir(filepath.Dir(found[len(found)-1])))
	require.NoError(t, err)
	return chapter
}

// behindGate returns the store with a gate of the test's own.
func (s *store) behindGate(t *testing.T) *store {
	return &store{s.Cluster, gate.New(t, s.API[0].Address, s.API[1].Address)}
}

func (s *store) url(name string) string { return "http://" + s.gate.Address + "/objects/" + name }

// awaitStall waits until the gate has let half of an object pass.
func (s *store) awaitStall(t *testing.T) {
	require.Eventually(t, func() bool { _, n := s.gate.Traffic(); return n >= half }, time.Minute, 10*time.Millisecond)
}

// do sends a request to an API service directly.
func (s *store) do(t *testing.T, method, path string, body []byte) *http.Response {
	request, err := http.NewRequestWithContext(t.Context(), method, s.API[1].URL()+path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Digest", digest(body))
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() }) // read by the test as far as it wants
	require.Equal(t, http.StatusOK, response.StatusCode)
	return response
}

func digest(body []byte) string { return "SHA-256=" + hash.Of(body).String() }

func newBody() []byte {
	body := make([]byte, size)
	_, _ = rand.Read(body) // never fails
	return body
}

// requireOnce checks that the object is there, in one version.
func (s *store) requireOnce(t *testing.T, name string, body []byte) {
	t.Helper()
	got, err := io.ReadAll(s.do(t, http.MethodGet, "/objects/"+name, nil).Body)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))
	versions, err := io.ReadAll(s.do(t, http.MethodGet, "/versions/"+name, nil).Body)
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(versions, []byte("\n")), "%s", versions)
}

// unavailable skips the test for want of something, or fails in CI.
func unavailable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		unavailable(t, "%s is missing: on Debian, apt-get install curl wget aria2 python3-venv nodejs npm", tool)
	}
}
