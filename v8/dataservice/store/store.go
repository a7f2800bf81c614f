// Package store is what a data service holds: files named by the hash of their content, and, in
// memory, the index of them. The two change together.
package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"sync"
	"time"

	"gostore/common/files"
	"gostore/common/metrics"
)

// sum is a 64-bit hash of a name, which would take six times as much memory; bytes, since a number would be padded
// in a map. The seed is random, so a client cannot construct two names of one sum.
type sum [8]byte

// Store holds content. Questions whether it holds one come by the thousand, so the index answers them.
// Its methods may be called by several goroutines at once.
type Store struct {
	dir    *files.Dir
	counts metrics.Shards

	mu    sync.RWMutex
	index map[sum]struct{} // of the names of files that can be read

	uses *uses

	seed    maphash.Seed
	changes [64]sync.Mutex // each for a share of the names: one change of a name at a time
}

// Open lists what dir has. For age after it was stored or claimed, no content is removed. The error is
// rs.ErrVersion if the directory is of another chapter.
func Open(dir *files.Dir, age time.Duration, stats *metrics.Set) (*Store, error) {
	s := &Store{dir: dir, counts: stats.Shards(), index: map[sum]struct{}{}, uses: newUses(age), seed: maphash.MakeSeed()}
	stats.ObjectsKnown(s.known)
	ours := false
	return s, dir.Names(func(name string) (err error) {
		s.add(name)
		if !ours {
			ours, err = s.checkVersion(name)
		}
		return err
	})
}

// Refresh adds files to the index that came behind the store's back.
func (s *Store) Refresh() error {
	return s.dir.Names(func(name string) error {
		if s.indexed(name) {
			return nil
		}
		defer s.lock(name)()
		there, err := s.dir.Has(name) // it may have been removed since
		if err == nil && there {
			s.add(name)
		}
		return err
	})
}

func (s *Store) known() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.index)
}

// Has reports whether there is content under that name. The disk is only asked about what is in the index: a
// file may have been removed behind the store's back, and a sum may be that of another name.
func (s *Store) Has(name string) (bool, error) {
	if !s.indexed(name) {
		return false, nil
	}
	there, err := s.dir.Has(name)
	if err == nil && !there {
		s.forgetMissing(name)
	}
	return there, err
}

func (s *Store) indexed(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, there := s.index[s.sum(name)]
	return there
}

// Open opens content and returns its size in bytes; fs.ErrNotExist if there is none. The caller
// closes it.
func (s *Store) Open(name string) (*os.File, int64, error) {
	f, size, err := s.dir.Open(name)
	switch {
	case err == nil:
		s.counts.Read.Inc()
	case errors.Is(err, fs.ErrNotExist):
		s.forgetMissing(name)
	}
	return f, size, err
}

// forgetMissing is for a file that was removed from the disk behind the store's back.
func (s *Store) forgetMissing(name string) {
	defer s.lock(name)()
	if there, err := s.dir.Has(name); err == nil && !there { // it may have been committed since
		s.forget(name)
	}
}

// Create begins a file of size bytes that is not visible yet. The error is syscall.ENOSPC if there
// is no room for it.
func (s *Store) Create(size int64) (*files.Temp, error) { return s.dir.Create(size) }

// Commit stores the content of t under name, durably, unless it is there already. A file there that is corrupt,
// cannot be read, or is a shard with other bytes, is replaced and quarantined. It ends t.
func (s *Store) Commit(t *files.Temp, name string) error {
	defer s.lock(name)()
	s.uses.note(name)
	commit := t.Commit
	if s.indexed(name) {
		sum := sha256.New()
		if _, err := s.verify(name, sum); err == nil && !differs(t, name, sum.Sum(nil)) {
			return t.Drop()
		}
		commit = t.Replace
	}
	if err := commit(name); err != nil {
		return err
	}
	s.counts.Written.Inc()
	s.add(name)
	return nil
}

func (s *Store) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index[s.sum(name)] = struct{}{}
}

func (s *Store) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.index, s.sum(name))
}

func (s *Store) sum(name string) (sum sum) {
	binary.NativeEndian.PutUint64(sum[:], maphash.String(s.seed, name))
	return sum
}

// lock returns the func that unlocks the name.
func (s *Store) lock(name string) (unlock func()) {
	change := &s.changes[maphash.String(s.seed, name)%uint64(len(s.changes))]
	change.Lock()
	return change.Unlock
}
