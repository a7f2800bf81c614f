// Package store is what a data service holds: shard files, and, in memory, the index of them. The two
// change together.
package store

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"sync"

	"gostore/common/files"
)

// Store holds shards. Questions come by the thousand and are answered out of memory; the disk is for
// those that read and write. Its methods may be called by several
// goroutines at once.
type Store struct {
	dir *files.Dir

	mu    sync.RWMutex
	index map[string]struct{} // names of files that can be read

	seed    maphash.Seed
	changes [64]sync.Mutex // each for a share of the names: a name changes in one way at a time
}

// Open lists what dir has.
func Open(dir *files.Dir) (*Store, error) {
	s := &Store{dir: dir, index: map[string]struct{}{}, seed: maphash.MakeSeed()}
	return s, dir.Names(func(name string) error { s.index[name] = struct{}{}; return nil })
}

// Has tells whether there is a shard under that name.
func (s *Store) Has(name string) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, there := s.index[name]
	return there, nil
}

// Open opens a shard and tells its size in bytes; fs.ErrNotExist if there is none. The caller closes it.
func (s *Store) Open(name string) (*os.File, int64, error) {
	f, size, err := s.dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		s.forgetIfGone(name)
	}
	return f, size, err
}

// ReadDirect reads a shard that Open opened and that is longer than files.Cached.
func (s *Store) ReadDirect(f *os.File, from int64) *files.Direct { return s.dir.ReadDirect(f, from) }

// forgetIfGone is for a file that somebody else has removed from the disk.
func (s *Store) forgetIfGone(name string) {
	change := s.change(name)
	change.Lock()
	defer change.Unlock()
	if there, err := s.dir.Has(name); err == nil && !there { // it may have been committed since
		s.forget(name)
	}
}

// Create begins a file that nobody can see yet.
func (s *Store) Create() (*files.Temp, error) { return s.dir.Create() }

// Commit has the shard of t under name, durably; what is there already stays if it is right, and is set
// aside if not. It ends t.
func (s *Store) Commit(t *files.Temp, name string) error {
	change := s.change(name)
	change.Lock()
	defer change.Unlock()
	if there, _ := s.Has(name); there { // it has no errors
		wrong := s.verify(name)
		if wrong == nil {
			return t.Drop()
		}
		if err := s.setAside(name, wrong); err != nil {
			return errors.Join(err, t.Drop())
		}
	}
	if err := t.Commit(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index[name] = struct{}{}
	return nil
}

// setAside is for a shard that is about to be replaced, unless somebody else has removed it.
func (s *Store) setAside(name string, wrong error) error {
	if errors.Is(wrong, fs.ErrNotExist) {
		return nil
	}
	if err := s.dir.KeepRotten(name); err != nil {
		return fmt.Errorf("set aside: %w: %w", err, wrong)
	}
	return nil
}

func (s *Store) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.index, name)
}

func (s *Store) change(name string) *sync.Mutex {
	return &s.changes[maphash.String(s.seed, name)%uint64(len(s.changes))]
}
