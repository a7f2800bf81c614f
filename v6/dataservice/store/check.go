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

// Check copies a shard from end to end. It returns an error if that is not what was once stored, or cannot
// be read; fs.ErrNotExist if there is none. A corrupt shard stays where it is until another
// replaces it: its intact blocks may be the only good copies.
func (s *Store) Check(name string, to io.Writer) error {
	defer s.lock(name)()
	err := s.verify(name, to)
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
	return s.dir.Quarantine(name)
}

func (s *Store) verify(name string, to io.Writer) error {
	content, shard, err := rs.ParseName(name)
	if err != nil {
		return err
	}
	f, size, err := s.dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	return verify(io.TeeReader(f, to), size, content, shard)
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
		_, err1 := io.ReadFull(f, block)
		_, err2 := io.ReadFull(f, sum)
		if err := cmp.Or(err1, err2, stripe.Verify(shard)); err != nil {
			return err
		}
	}
	return nil
}
