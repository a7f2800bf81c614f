package suite

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
)

// storeRootMustExist starts a second server on a STORE_ROOT that must exist: one that is missing is not
// made, and one that exists is in use by the first.
func storeRootMustExist(t *testing.T, s *Store) {
	p := s.storageProcesses()[0]
	start := func(command string) (line string) {
		out, err := exec.Command("sh", "-c", "STORE_ROOT_MUST_EXIST=1 "+command).CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
		return string(out)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	line := start(strings.Replace(p.Command(), "STORE_ROOT="+p.Root, "STORE_ROOT="+missing, 1))
	require.Contains(t, line, "STORE_ROOT="+missing+" is not a directory that is there")
	require.NoDirExists(t, missing)
	require.Contains(t, start(p.Command()), "in use by another process")
}

// readOnlyDisk restarts a server on a disk that has become read-only: it serves what it has, and says so.
func readOnlyDisk(t *testing.T, s *Store) {
	p, stored := s.storageProcesses()[0], map[string][]byte{}
	for range 20 {
		name, body := NewName(), NewBody(5000)
		s.Put(t, name, body)
		stored[name] = body
	}
	require.NoError(t, os.WriteFile(filepath.Join(p.Root, "temp", "left"), nil, 0o600))
	require.NoError(t, p.Stop())
	writableAgain := makeReadOnly(t, p.Root)
	require.NoError(t, p.Start())
	Eventually(t, 20*time.Second, func() error { return s.saysReadOnly(t, p) })
	for name, body := range stored {
		Eventually(t, 10*time.Second, func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
	}
	got := s.writeTo(t, p, NewBody(10))
	RequireError(t, http.StatusInsufficientStorage, got)
	require.Equal(t, "the disk is read-only\n", string(got.Body))
	if s.chapter >= 4 { // chapters 2 and 3 choose one data service and try no other
		for range 10 {
			s.Put(t, NewName(), NewBody(5000))
		}
	}
	out, err := exec.Command("sh", "-c", p.Command()).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "in use by another process")

	require.NoError(t, p.Stop())
	writableAgain()
	s.restartAll(t)
	require.NoFileExists(t, filepath.Join(p.Root, "temp", "left"))
	s.Put(t, NewName(), NewBody(10))
}

func (s *Store) saysReadOnly(t *testing.T, p *cluster.Process) error {
	got, err := s.Do(t.Context(), http.MethodGet, p.URL()+"/healthz", nil)
	if err == nil && (got.Status != http.StatusServiceUnavailable || !strings.Contains(string(got.Body), "read-only")) {
		err = fmt.Errorf("healthz: %d %s", got.Status, got.Body)
	}
	return err
}

// writeTo sends the first request that writes to a server with a STORE_ROOT.
func (s *Store) writeTo(t *testing.T, p *cluster.Process, body []byte) Answer {
	t.Helper()
	name := hash.Of(body).Hex()
	switch {
	case s.chapter < 4:
		return s.Send(t, http.MethodPut, p.URL()+"/objects/"+name, body)
	case s.chapter > 4:
		name += ".0"
	}
	return s.SendWith(t, http.MethodPost, p.URL()+"/temp/"+name, http.Header{"Size": {fmt.Sprint(len(body))}}, nil)
}

// makeReadOnly mounts a directory on itself, read-only, until the function that it returns is called. It
// skips the test where that cannot be done.
func makeReadOnly(t *testing.T, dir string) (undo func()) {
	t.Helper()
	mount := func(args ...string) {
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			notTested(t, fmt.Sprintf("a read-only disk needs the right to mount: %v: %s", err, strings.TrimSpace(string(out))))
		}
	}
	mount("--bind", dir, dir)
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() }) // it may be done already
	mount("-o", "remount,bind,ro", dir)
	return func() { require.NoError(t, exec.Command("umount", dir).Run()) }
}
