package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// beginning is how many bytes of a body are enough to know it by.
const beginning = 64

// headerSize is how many bytes come before the content in a file, from chapter 5 on.
const headerSize = 56

// find returns the files of all STORE_ROOTs whose content begins with those bytes, temporary ones too.
func (s *Store) find(beginning []byte) (found []string, err error) {
	for _, p := range s.Cluster.All() {
		files, err := filesBelow(p.Root)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if begins, err := beginsWith(file, beginning); err != nil {
				return nil, err
			} else if begins {
				found = append(found, file)
			}
		}
	}
	return found, nil
}

// filesBelow lists the files of a directory that may change meanwhile.
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

func beginsWith(file string, beginning []byte) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // gone since it was listed
	}
	if err != nil {
		return false, err
	}
	defer f.Close() // opened for reading
	for _, at := range []int64{0, headerSize} {
		head := make([]byte, len(beginning))
		if _, err := f.ReadAt(head, at); err == nil && bytes.Equal(head, beginning) {
			return true, nil
		} else if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
	}
	return false, nil
}

// RequireFiles checks that the only files that begin with those bytes are n, and returns them.
func (s *Store) RequireFiles(t *testing.T, n int, beginning []byte) []string {
	t.Helper()
	var found []string
	Eventually(t, 5*time.Second, func() (err error) {
		if found, err = s.find(beginning); err == nil && len(found) != n {
			err = fmt.Errorf("%d files, not %d: %v", len(found), n, found)
		}
		return err
	})
	return found
}

// RequireNoTemp checks that nobody has left a file half-written.
func (s *Store) RequireNoTemp(t *testing.T) {
	t.Helper()
	if s.Cluster == nil {
		return
	}
	Eventually(t, 5*time.Second, func() error {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(s.storing()[0].Root), "*", "temp", "*"))
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("left half-written: %v", left)
		}
		return err
	})
}

// storing lists the processes that keep something.
func (s *Store) storing() (list []*cluster.Process) {
	for _, p := range s.Cluster.All() {
		if p.Root != "" {
			list = append(list, p)
		}
	}
	return list
}

// OwnerOf returns the process in whose STORE_ROOT a file lies.
func (s *Store) OwnerOf(t *testing.T, file string) *cluster.Process {
	t.Helper()
	for _, p := range s.storing() {
		if rel, err := filepath.Rel(p.Root, file); err == nil && filepath.IsLocal(rel) {
			return p
		}
	}
	require.Fail(t, "a file of nobody", file)
	return nil
}
