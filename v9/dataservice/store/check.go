package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"gostore/chapter9/rs"
	"gostore/common/files"
	"gostore/common/hash"
)

// Check reads a shard from end to end, and returns its encoding. It returns an error if that is not what
// was once stored, or cannot be read; fs.ErrNotExist if there is none. A corrupt shard stays where it is until another
// replaces it: its intact blocks may be the only good copies.
func (s *Store) Check(name string) (encoding hash.Hash, err error) {
	defer s.lock(name)()
	encoding, err = s.verify(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.forget(name)
	case err != nil:
		s.counts.Corrupt.Inc()
	}
	return encoding, err
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

func (s *Store) verify(name string) (encoding hash.Hash, err error) {
	content, shard, err := rs.ParseName(name)
	if err != nil {
		return encoding, err
	}
	f, size, err := s.dir.Open(name)
	if err != nil {
		return encoding, err
	}
	defer f.Close() // opened for reading
	return verifyFile(f, size, content, shard)
}

func verifyFile(f io.ReaderAt, size int64, content hash.Hash, shard int) (encoding hash.Hash, err error) {
	o, number, table, err := readTable(f, size)
	if err != nil {
		return encoding, err
	}
	if o.Hash() != content || number != shard || table.ShardSize() != size {
		return encoding, fmt.Errorf("%w: it is that of another file", rs.ErrHeader)
	}
	return table.Encoding(), verify(io.NewSectionReader(f, rs.HeaderSize, size), o, shard, table)
}

// ReadHeader reads what a shard file begins with.
func ReadHeader(f io.ReaderAt) (o rs.Object, shard int, err error) {
	header := make([]byte, rs.HeaderSize)
	if _, err := f.ReadAt(header, 0); err != nil {
		return o, 0, err
	}
	return rs.ParseHeader(header)
}

// readTable reads what is at both ends of a shard file.
func readTable(f io.ReaderAt, size int64) (o rs.Object, shard int, table *rs.Table, err error) {
	if o, shard, err = ReadHeader(f); err != nil {
		return o, 0, nil, err
	}
	if size < rs.HeaderSize+o.TableSize() {
		return o, 0, nil, fmt.Errorf("%w: %d bytes are too few", rs.ErrCorrupt, size)
	}
	stored := make([]byte, o.TableSize())
	if _, err = f.ReadAt(stored, size-o.TableSize()); err != nil {
		return o, 0, nil, err
	}
	table, err = rs.ParseTable(o, shard, stored)
	return o, shard, table, err
}

// verify reads all blocks of a shard.
func verify(f io.Reader, o rs.Object, shard int, table *rs.Table) error {
	var stored []byte
	for n := range o.Stripes() {
		length := table.BlockLen(n)
		stored = slices.Grow(stored[:0], length+rs.ChecksumSize)[:length+rs.ChecksumSize]
		_, err := io.ReadFull(f, stored)
		if err = cmp.Or(err, o.Verify(shard, n, stored[:length], stored[length:])); err != nil {
			return err
		}
	}
	return nil
}

// otherEncoding reports whether a new file is a shard of another encoding.
func otherEncoding(t *files.Temp, encoding hash.Hash) bool {
	f, size, err := t.Written()
	if err != nil {
		return false
	}
	_, _, table, err := readTable(f, size)
	return err == nil && table.Encoding() != encoding
}

// checkVersion returns an error if a chapter with another format wrote the shards.
func (s *Store) checkVersion() error {
	for name := range s.index {
		f, _, err := s.dir.Open(name)
		if err != nil {
			continue // it is found later
		}
		_, _, err = ReadHeader(f)
		_ = f.Close() // opened for reading
		if err == nil {
			return nil
		}
		if errors.Is(err, rs.ErrVersion) {
			return fmt.Errorf("STORE_ROOT has shards of another chapter: %s: %w", name, err)
		}
	}
	return nil
}
