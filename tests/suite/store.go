package suite

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

const (
	dataServices = 6
	apiServices  = 2
	startTimeout = 5 * time.Minute // a cold build, and containers to start
	stopTimeout  = 30 * time.Second
)

// build is a chapter under test, built.
type build struct {
	chapter  int    // its number
	programs string // directory of its programs; empty with -api
}

// buildChapter builds the chapter in the working directory, unless -api names a running server.
func buildChapter(t *testing.T, number int) *build {
	b := &build{chapter: number}
	if !isExternal() {
		b.programs = t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
		defer cancel()
		require.NoError(t, cluster.Build(ctx, workingDir(t), b.programs))
	}
	return b
}

// Store is a running store under test.
type Store struct {
	*build
	API  []string // base URLs, at least one
	HTTP *http.Client
	TLS  *tls.Config // of HTTP; nil for plain HTTP

	// The fields below are nil with -api.
	Cluster *cluster.Cluster
	Servers stack.Servers // nil for a chapter that needs none
}

// open starts a store, or connects to the one that -api names.
func (b *build) open(t *testing.T) *Store {
	if !isExternal() {
		return b.start(t, sharedServers)
	}
	s := &Store{build: b, HTTP: newHTTP(t, nil)}
	for _, address := range externalAddresses() {
		s.API = append(s.API, "http://"+address)
	}
	return s
}

// start runs a store until the end of the test. A chapter with API and data services gets the
// servers that acquire returns.
func (b *build) start(t testing.TB, acquire func(t testing.TB) stack.Servers) *Store {
	if cluster.Single(workingDir(t)) {
		return b.startOn(t, nil, func(*cluster.Config) {})
	}
	return b.startOn(t, acquire(t), func(*cluster.Config) {})
}

// Another runs a second store on the same servers until the end of the test. change may modify its
// configuration. With -api the test is skipped.
func (s *Store) Another(t *testing.T, change func(cfg *cluster.Config)) *Store {
	t.Helper()
	s.NeedProcesses(t)
	return s.startOn(t, s.Servers, change)
}

func (b *build) startOn(t testing.TB, servers stack.Servers, change func(cfg *cluster.Config)) *Store {
	s := &Store{build: b, Servers: servers}
	cfg := cluster.Config{Chapter: workingDir(t), Dir: t.TempDir(), Programs: b.programs, Servers: servers}
	data, processes := dataServices, dataServices+apiServices
	if servers == nil {
		data, processes = 0, 1
	}
	addresses := takePorts(t, 2*processes)
	cfg.DataServices, cfg.APIServices, cfg.DebugAddresses = addresses[:data], addresses[data:processes], addresses[processes:]
	if isSet("tls") {
		cfg.TLS = issue(t, newCA(t, "ca"), "service", asIs)
	}
	change(&cfg)
	if cfg.TLS != nil {
		s.TLS = configOf(t, cfg.TLS)
	}
	s.HTTP = newHTTP(t, s.TLS)
	s.run(t, cfg)
	return s
}

func (s *Store) run(t testing.TB, cfg cluster.Config) {
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	c, err := cluster.Start(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			c.WriteLogs(os.Stderr)
		}
		require.NoError(t, c.Stop())
	})
	s.Cluster = c
	for _, p := range c.API {
		s.API = append(s.API, p.URL())
	}
}

// withProcesses returns s for a test that stops, kills or freezes processes. After the test it
// resumes them and waits until all are healthy.
func (s *Store) withProcesses(t *testing.T) *Store {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		for _, p := range s.Cluster.All() {
			require.NoError(t, p.Resume())
		}
		require.NoError(t, s.Cluster.AwaitHealthy(ctx))
	})
	return s
}

// NeedProcesses skips the test with -api.
func (s *Store) NeedProcesses(t *testing.T) {
	if s.Cluster == nil {
		t.Skip("needs the store's processes and files; only its address is known")
	}
}

func workingDir(t testing.TB) string {
	dir, err := filepath.Abs(".")
	require.NoError(t, err)
	return dir
}

func takePorts(t testing.TB, n int) []string {
	ports, err := cluster.ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ports.Release()) })
	addresses, err := ports.Take(n)
	require.NoError(t, err)
	return addresses
}

// sharedServers returns the servers that all test binaries running at the same time share.
func sharedServers(t testing.TB) stack.Servers {
	return acquire(t, wanted(t))
}

// ownServers returns servers that no other test binary uses, until the end of the test.
func ownServers(t testing.TB) stack.Servers {
	want := wanted(t)
	want.Exclusive = true
	return acquire(t, want)
}

// wanted requests servers for the chapter in the working directory.
func wanted(t testing.TB) stack.Request {
	return stack.Request{
		Ways: stack.ForTests(), BrokerOnly: cluster.BrokerOnly(workingDir(t)), Log: func(line string) { t.Log(line) },
	}
}

func acquire(t testing.TB, want stack.Request) stack.Servers {
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	servers, err := stack.Acquire(ctx, want)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		require.NoError(t, servers.Close(ctx))
	})
	return servers
}

// newHTTP returns a client that pools a connection for each of 1,000 concurrent requests. They are
// closed at the end of the test.
func newHTTP(t testing.TB, secure *tls.Config) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true, TLSClientConfig: secure}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}
