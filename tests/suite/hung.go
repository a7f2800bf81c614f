package suite

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// hungDisks freezes the file systems of two of six data services: every write to them waits.
// Requests to the others stay fast, PUTs of new and of stored content and GETs, and the two say
// what is wrong. Then they are used again.
func hungDisks(t *testing.T, s *Store) {
	var dirs []string
	s = s.Another(t, func(cfg *cluster.Config) {
		for i := range 2 {
			dirs = append(dirs, filepath.Join(cfg.Dir, strconv.Itoa(i+1)))
			mountImage(t, dirs[i])
		}
	})
	stored := NewBody(100_000)
	s.Put(t, NewName(), stored)
	for _, dir := range dirs {
		freeze(t, dir)
	}
	var took [3][]time.Duration
	for range 40 {
		name, body := NewName(), NewBody(100_000)
		took[0] = append(took[0], timeOf(func() error { return s.TryPut(t.Context(), s.API[0], name, body) }))
		took[1] = append(took[1], timeOf(func() error { return s.TryGet(t.Context(), s.API[0], name, body) }))
		took[2] = append(took[2], timeOf(func() error { return s.TryPut(t.Context(), s.API[0], NewName(), stored) }))
	}
	for i, what := range []string{"PUT", "GET", "PUT of stored content"} {
		slices.Sort(took[i])
		t.Logf("%s: median %v, slowest %v", what, took[i][20], took[i][39])
		require.Less(t, took[i][20], 4*time.Second, what) // it would be five for each hung disk
	}
	for _, p := range s.Cluster.Data[:2] {
		Eventually(t, recoveryTimeout, func() error { return s.checkHung(t, p) })
	}
	for _, dir := range dirs {
		require.NoError(t, exec.Command("fsfreeze", "-u", dir).Run())
	}
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	if redundancy().has(s.chapter) {
		s.AwaitSix(t)
	}
}

// timeOf returns how long do took. One that fails counts as an hour.
func timeOf(do func() error) time.Duration {
	start := time.Now()
	if do() != nil {
		return time.Hour
	}
	return time.Since(start)
}

// checkHung returns nil if a data service says that its disk hangs.
func (s *Store) checkHung(t *testing.T, p *cluster.Process) error {
	got, err := s.Do(t.Context(), http.MethodGet, p.URL()+"/healthz", nil)
	if err == nil && (got.Status != http.StatusServiceUnavailable || !strings.Contains(string(got.Body), "the disk has not answered")) {
		err = fmt.Errorf("healthz: %d %s", got.Status, got.Body)
	}
	return err
}

// mountImage mounts a file system of its own, which can be frozen. It skips the test, with the
// reason, where that is not possible.
func mountImage(t *testing.T, dir string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 64<<20))
	require.NoError(t, os.Mkdir(dir, 0o755))
	for _, command := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("not tested: a hung disk needs %s, as root: %v: %s", command[0], err, out)
		}
	}
	unmountAtEnd(t, dir)
}

// freeze freezes a file system, until the end of the test at the latest.
func freeze(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("fsfreeze", "-f", dir).CombinedOutput(); err != nil {
		t.Skipf("not tested: a hung disk needs fsfreeze, as root: %v: %s", err, out)
	}
	t.Cleanup(func() {
		err := exec.Command("fsfreeze", "-u", dir).Run()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) { // it is not frozen any more
			require.NoError(t, err)
		}
	})
}
