package suite

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// restartAll restarts every service.
func (s *Store) restartAll(t *testing.T) {
	t.Helper()
	for _, p := range s.Cluster.All() {
		require.NoError(t, p.Stop()) // no error if it is stopped already
	}
	for _, p := range s.Cluster.All() {
		require.NoError(t, p.Start())
	}
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
}

func restart(t *testing.T, s *Store) {
	stored := map[string][]byte{}
	for range 20 {
		name, body := NewName(), NewBody(5000)
		s.Put(t, name, body)
		stored[name] = body
	}
	s.restartAll(t)
	for name, body := range stored {
		s.RequireObject(t, name, body)
	}
}

// stopFinishesRequests stops a service during a PUT: the PUT succeeds.
func stopFinishesRequests(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	s.awaitPuts(t)
	p := s.BeginPut(t, s.API[0], name, body, len(body)/2)
	s.RequireFiles(t, 1, body[:prefixLen])
	stopped := make(chan error, 1)
	go func() { stopped <- s.Cluster.API[0].Stop() }()
	Eventually(t, 5*time.Second, func() error { return refuses(s.Cluster.API[0].Address) })
	p.Write(t, body[len(body)/2:])
	got, err := p.Answer(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, got.Status)
	require.NoError(t, <-stopped)
	s.restartAll(t)
	s.RequireObject(t, name, body)
}

// refuses returns nil if address does not accept connections.
func refuses(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil
	}
	return errors.Join(fmt.Errorf("%s still listens", address), conn.Close())
}

// killInMidPut kills (-9) the process that has half of an object on its disk.
func killInMidPut(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	s.awaitPuts(t)
	p := s.BeginPut(t, s.API[0], name, body, len(body)/2)
	victim := s.OwnerOf(t, s.RequireFiles(t, 1, body[:prefixLen])[0])
	victim.Kill()
	s.RequireFiles(t, 1, body[:prefixLen]) // without a half-written file this test shows nothing
	require.NoError(t, p.conn.Close())
	require.NoError(t, victim.Start())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	s.RequireNoTemp(t)
	s.requireNothingOf(t, name, body[:prefixLen])
}

// storeRootInUse starts a second server on a STORE_ROOT in use: it refuses to start.
func storeRootInUse(t *testing.T, s *Store) {
	out, err := exec.Command("sh", "-c", s.storageProcesses()[0].Command()).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "in use by another process")
	require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
}
