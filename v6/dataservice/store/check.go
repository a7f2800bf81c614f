package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gostore/chapter6/rs"
	"gostore/common/hash"
)

// Check reads a shard from end to end. It returns an error if that is not what was once stored, or cannot
// be read; fs.ErrNotExist if there is none. A corrupt shard stays where it is until another
// replaces it: its intact blocks may be the only good copies.
func (s *Store) Check(name string) error {
	defer s.lock(name)()
	err := s.verify(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.forget(name)
	case err != nil:
		s.counts.Corrupt.Inc()
	}
	return err
}

// Quarantine takes a file out of use, if there is one.
func (s *Store) Quarantine(name string) error {
	defer s.lock(name)()
	s.forget(name)
	if err := s.dir.Quarantine(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Store) verify(name string) error {
	content, shard, err := rs.ParseName(name)
	if err != nil {
		return err
	}
	f, size, err := s.dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	return verify(f, size, content, shard)
}

func verify(f io.Reader, size int64, content hash.Hash, shard int) error {
	header := make([]byte, rs.HeaderSize)
	if _, err := io.ReadFull(f, header); err != nil {
		return err
	}
	o, number, err := rs.ParseHeader(header)
	if err != nil {
		return err
	}
	if o.Hash() != content || number != shard || o.ShardSize() != size {
		return fmt.Errorf("%w: it is that of another file", rs.ErrHeader)
	}
	stripe := rs.NewStripe(o)
	for n := range o.Stripes() {
		stripe.Reset(n)
		block, sum := stripe.Stored(shard)
		_, err := io.ReadFull(f, block)
		if err == nil {
			_, err = io.ReadFull(f, sum)
		}
		if err = cmp.Or(err, stripe.Verify(shard)); err != nil {
			return err
		}
	}
	return nil
}
