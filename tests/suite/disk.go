package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// prefixLen is how many bytes of a body identify it.
const prefixLen = 64

// headerSize is the size of the header of a shard file, from chapter 5 on.
const headerSize = 56

// filesWithPrefix returns the files below all STORE_ROOTs, temporary ones included, whose content
// starts with prefix.
func (s *Store) filesWithPrefix(prefix []byte) (found []string, err error) {
	for _, p := range s.Cluster.All() {
		files, err := filesBelow(p.Root)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if matches, err := hasPrefix(file, prefix); err != nil {
				return nil, err
			} else if matches {
				found = append(found, file)
			}
		}
	}
	return found, nil
}

// filesBelow lists the regular files below dir. Files may come and go while it runs.
func filesBelow(dir string) (files []string, err error) {
	if dir == "" {
		return nil, nil
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

func hasPrefix(file string, prefix []byte) (bool, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // another test may have put a FIFO there
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // removed since it was listed
	}
	if err != nil {
		return false, err
	}
	defer f.Close() // opened for reading
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	for _, at := range []int64{0, headerSize} {
		head := make([]byte, len(prefix))
		if _, err := f.ReadAt(head, at); err == nil && bytes.Equal(head, prefix) {
			return true, nil
		} else if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
	}
	return false, nil
}

// RequireFiles waits until exactly n files start with prefix, and returns them.
func (s *Store) RequireFiles(t *testing.T, n int, prefix []byte) []string {
	t.Helper()
	var found []string
	Eventually(t, 5*time.Second, func() (err error) {
		if found, err = s.filesWithPrefix(prefix); err == nil && len(found) != n {
			err = fmt.Errorf("%d files, not %d: %v", len(found), n, found)
		}
		return err
	})
	return found
}

// RequireNoTemp waits until no data service has a temporary file.
func (s *Store) RequireNoTemp(t *testing.T) {
	t.Helper()
	if s.Cluster == nil {
		return
	}
	Eventually(t, 5*time.Second, func() error {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(s.storageProcesses()[0].Root), "*", "temp", "*"))
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("temporary files are left: %v", left)
		}
		return err
	})
}

// storing returns the processes that have a STORE_ROOT.
func (s *Store) storageProcesses() (list []*cluster.Process) {
	for _, p := range s.Cluster.All() {
		if p.Root != "" {
			list = append(list, p)
		}
	}
	return list
}

// OwnerOf returns the process whose STORE_ROOT contains a file.
func (s *Store) OwnerOf(t *testing.T, file string) *cluster.Process {
	t.Helper()
	for _, p := range s.storageProcesses() {
		if rel, err := filepath.Rel(p.Root, file); err == nil && filepath.IsLocal(rel) {
			return p
		}
	}
	require.Fail(t, "the file is in no STORE_ROOT", file)
	return nil
}
