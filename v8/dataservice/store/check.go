package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gostore/chapter8/rs"
	"gostore/common/files"
	"gostore/common/hash"
)

// Check copies a shard from end to end, and returns its encoding. It returns an error if that is not what was
// once stored, or cannot be read; fs.ErrNotExist if there is none. A corrupt shard stays where it is until
// another replaces it: its intact blocks may be the only good copies.
func (s *Store) Check(name string, to io.Writer) (encoding hash.Hash, err error) {
	defer s.lock(name)()
	encoding, err = s.verify(name, to)
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
	return s.dir.Quarantine(name)
}

func (s *Store) verify(name string, to io.Writer) (encoding hash.Hash, err error) {
	f, size, err := s.dir.Open(name)
	if err != nil {
		return encoding, err
	}
	defer f.Close() // opened for reading
	return verifyFile(f, size, name, to)
}

// verifyFile copies a file to to, and returns an error if it is not what name says.
func verifyFile(f io.ReaderAt, size int64, name string, to io.Writer) (encoding hash.Hash, err error) {
	content, shard, err := rs.ParseName(name)
	if err != nil {
		return encoding, err
	}
	o, number, table, err := readTable(f, size)
	if err != nil {
		return encoding, err
	}
	if o.Hash() != content || number != shard || table.ShardSize() != size {
		return encoding, fmt.Errorf("%w: it is that of another file", rs.ErrHeader)
	}
	_, err1 := to.Write(o.Header(shard))
	err2 := verify(io.TeeReader(io.NewSectionReader(f, rs.HeaderSize, size), to), o, shard, table)
	_, err3 := to.Write(table.Stored(shard))
	return table.Encoding(), cmp.Or(err1, err2, err3)
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
	stripe := rs.NewStripe(o)
	for n := range o.Stripes() {
		stripe.Expect(n, table)
		block, sum := stripe.Stored(shard)
		_, err1 := io.ReadFull(f, block)
		_, err2 := io.ReadFull(f, sum)
		if err := cmp.Or(err1, err2, stripe.Verify(shard)); err != nil {
			return err
		}
	}
	return nil
}

// differs reports whether a new file is the shard that name says, with other bytes than the one that is there.
func differs(t *files.Temp, name string, there []byte) bool {
	f, size, err := t.Written()
	if err != nil {
		return false
	}
	sum := sha256.New()
	_, err = verifyFile(f, size, name, sum)
	return err == nil && !bytes.Equal(sum.Sum(nil), there)
}

// checkVersion reports whether a file is a shard of this chapter. The error is rs.ErrVersion if a chapter with
// another format wrote it.
func (s *Store) checkVersion(name string) (ours bool, err error) {
	f, _, err := s.dir.Open(name)
	if err != nil {
		return false, nil // it is found later
	}
	defer f.Close() // opened for reading
	_, _, err = ReadHeader(f)
	if errors.Is(err, rs.ErrVersion) {
		return false, fmt.Errorf("STORE_ROOT has shards of another chapter: %s: %w", name, err)
	}
	return err == nil, nil
}
