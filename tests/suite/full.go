package suite

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// diskSize is the size of a small disk, in MiB.
const diskSize = 24

// OnSmallDisks runs a store whose data services have a tmpfs each. It skips the test, with the
// reason, where none can be mounted.
func (s *Store) OnSmallDisks(t *testing.T) *Store {
	t.Helper()
	return s.Another(t, func(cfg *cluster.Config) {
		for i := range cfg.DataServices {
			mountTmpfs(t, filepath.Join(cfg.Dir, strconv.Itoa(i+1)))
		}
	})
}

func mountTmpfs(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o755))
	size := "size=" + strconv.Itoa(diskSize) + "m"
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", size, "gostore", dir).CombinedOutput(); err != nil {
		t.Skipf("not tested: full disks need the right to mount a tmpfs: %v: %s", err, out)
	}
	unmountAtEnd(t, dir)
}

// unmountAtEnd unmounts a file system, frozen or not, at the end of the test, also if the test is killed:
// a process of its own waits for the end of its input.
func unmountAtEnd(t *testing.T, dir string) {
	t.Helper()
	const script = `cat; fsfreeze -u "$0" 2>/dev/null; umount "$0" || umount -l "$0"`
	cmd := exec.Command("sh", "-c", script, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to the test is not for it
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = input.Close() // Wait says whether the script succeeded
		require.NoError(t, cmd.Wait())
	})
}

// Fill fills the disk of a data service, and returns a function that makes room again.
func Fill(t *testing.T, p *cluster.Process) (free func()) {
	t.Helper()
	ballast := filepath.Join(p.Root, "ballast")
	require.ErrorIs(t, os.WriteFile(ballast, make([]byte, (diskSize+1)<<20), 0o644), syscall.ENOSPC)
	return func() { require.NoError(t, os.Remove(ballast)) }
}

// fullDisks fills two of six disks: every PUT succeeds, on the others. Then it fills all: a PUT is
// 507 and leaves nothing, and objects can be read. With room again PUTs succeed.
func fullDisks(t *testing.T, s *Store) {
	s = s.OnSmallDisks(t)
	var frees []func()
	fill := func(from, to int) {
		for _, p := range s.Cluster.Data[from:to] {
			frees = append(frees, Fill(t, p))
		}
	}
	bodies := map[string][]byte{}
	fill(0, 2)
	for range 8 { // before and after a heartbeat has said that the disks are full
		name, body := NewName(), NewBody(3<<20)
		s.Put(t, name, body)
		bodies[name] = body
	}
	require.NoError(t, s.GetAll(t, bodies))

	fill(2, len(s.Cluster.Data))
	for range 2 {
		name := NewName()
		start := time.Now()
		got := s.Send(t, http.MethodPut, ObjectURL(s.API[0], name), NewBody(3<<20))
		RequireError(t, http.StatusInsufficientStorage, got)
		require.Equal(t, "the disk is full\n", string(got.Body))
		require.Less(t, time.Since(start), 5*time.Second, "no timeout is waited for")
		RequireError(t, http.StatusNotFound, s.Get(t, name))
	}
	require.NoError(t, s.GetAll(t, bodies))
	for _, free := range frees {
		free()
	}
	s.Put(t, NewName(), NewBody(1<<20))
	s.RequireNoTemp(t)
}
