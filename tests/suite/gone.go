package suite

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// fileComesBack takes a file away while it is asked for, and restores it: it can be read again without
// a restart.
func fileComesBack(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	file := s.RequireFiles(t, 1, body[:prefixLen])[0]
	away := filepath.Join(s.OwnerOf(t, file).Root, NewName())
	require.NoError(t, os.Rename(file, away))
	for range 2 { // the first makes a data service forget it
		require.NotEqual(t, http.StatusOK, s.Get(t, name).Status)
	}
	require.NoError(t, os.Rename(away, file))
	Eventually(t, recoveryTimeout, func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
}

// storeRootGone renames the STORE_ROOT of a data service, and then has an empty one in its place. The
// data service is not ready, is not used, and does not say that it has nothing. When the root is back,
// so is what it has.
func storeRootGone(t *testing.T, s *Store) {
	held, p := s.putOnEach(t)
	gone := p.Root + ".gone"
	require.NoError(t, os.Rename(p.Root, gone))
	for name := range held {
		got := s.Get(t, name)
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, got.Status, "%s", got.Body)
	}
	Eventually(t, recoveryTimeout, func() error { return checkGone(p) })
	for _, dir := range []string{"objects", "temp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(p.Root, dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(p.Root, "lock"), nil, 0o600))
	Eventually(t, 2*recoveryTimeout, func() error { return s.checkUnused(t, p) })
	require.NoError(t, checkGone(p))
	require.NoError(t, os.RemoveAll(p.Root))
	require.NoError(t, os.Rename(gone, p.Root))
	Eventually(t, 2*recoveryTimeout, func() error { return s.GetAll(t, held) })
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
}

// putOnEach puts objects until one of the data services has a file of one. It returns that service and
// the objects.
func (s *Store) putOnEach(t *testing.T) (held map[string][]byte, p *cluster.Process) {
	t.Helper()
	held, p = map[string][]byte{}, s.Cluster.Data[2]
	for {
		name, body := NewName(), NewBody(1000)
		s.Put(t, name, body)
		held[name] = body
		files, err := filesBelow(filepath.Join(p.Root, "objects"))
		require.NoError(t, err)
		if len(files) > 0 {
			return held, p
		}
	}
}

// checkGone returns nil if a data service says that its root is gone.
func checkGone(p *cluster.Process) error {
	response, err := http.Get(p.URL() + "/healthz")
	if err != nil {
		return err
	}
	got, err := read(response)
	if err == nil && (got.Status != http.StatusServiceUnavailable || !strings.Contains(string(got.Body), "the store root is gone")) {
		err = fmt.Errorf("healthz: %d %s", got.Status, got.Body)
	}
	return err
}

// checkUnused returns nil if ten objects are stored one after the other, and none of it in a root.
func (s *Store) checkUnused(t *testing.T, p *cluster.Process) error {
	for range 10 {
		if err := s.TryPut(t.Context(), s.API[0], NewName(), NewBody(1000)); err != nil {
			return err
		}
	}
	files, err := filesBelow(p.Root)
	if err == nil && len(files) > 1 { // the lock
		err = errors.New("files are in a root that is not the one that was opened")
	}
	return err
}
