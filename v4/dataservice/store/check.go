package store

import (
	"errors"
	"io"
	"io/fs"

	"gostore/common/hash"
)

// Check reads content from end to end. The error wraps hash.ErrMismatch if it is corrupt, which
// quarantines it, and fs.ErrNotExist if there is none.
func (s *Store) Check(name string) error {
	defer s.lock(name)()
	err := s.verify(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.forget(name)
	case errors.Is(err, hash.ErrMismatch):
		s.counts.Corrupt.Inc()
		s.forget(name)
		return errors.Join(err, s.dir.Quarantine(name))
	}
	return err
}

// verify leaves the file where it is.
func (s *Store) verify(name string) error {
	want, err := hash.ParseHex(name)
	if err != nil {
		return err
	}
	f, size, err := s.dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	_, err = io.Copy(io.Discard, hash.NewReader(f, want, size))
	return err
}
