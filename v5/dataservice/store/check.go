package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gostore/chapter5/rs"
	"gostore/common/files"
	"gostore/common/hash"
)

// Check reads a shard from its beginning to its end. The error wraps rs.ErrRotten or rs.ErrHeader if it
// is not what was once stored, and fs.ErrNotExist if there is none.
func (s *Store) Check(name string) error {
	err := s.verify(name)
	if errors.Is(err, fs.ErrNotExist) {
		s.forgetIfGone(name)
	}
	return err
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
	if size <= files.Cached {
		return verify(f, size, content, shard)
	}
	direct := s.dir.ReadDirect(f, 0)
	defer direct.Close()
	return verify(direct, size, content, shard)
}

// verify reads a shard file from its beginning to its end. Its error wraps rs.ErrRotten or
// rs.ErrHeader if the file is not what was once stored.
func verify(f io.Reader, size int64, content hash.Hash, shard int) error {
	header := make([]byte, rs.HeaderSize)
	if _, err := io.ReadFull(f, header); err != nil {
		return shortIsRotten(err)
	}
	o, number, err := rs.ParseHeader(header)
	if err != nil {
		return err
	}
	if o.Hash() != content || number != shard || o.ShardSize() != size {
		return fmt.Errorf("%w: it is that of another file", rs.ErrHeader)
	}
	block := make([]byte, min(size, rs.BlockSize+rs.ChecksumSize))
	for stripe := range o.Stripes() {
		stored := block[:o.StoredLen(stripe)]
		if _, err := io.ReadFull(f, stored); err != nil {
			return shortIsRotten(err)
		}
		if err := o.Verify(shard, stripe, stored); err != nil {
			return err
		}
	}
	return nil
}

// shortIsRotten tells a file that is too short from a disk that cannot be read.
func shortIsRotten(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", rs.ErrRotten, err)
	}
	return err
}
