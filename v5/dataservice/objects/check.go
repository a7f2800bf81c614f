package objects

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"gostore/chapter5/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
)

// check reads a shard here, where it costs the disk and no network, and answers whether it is right.
func (h *handler) check(_ http.ResponseWriter, r *http.Request) error {
	return h.inspect(r, func(_ string, _ *os.File) error { return nil })
}

// setAside is for a shard of which there is to be a new one. One that is right stays.
func (h *handler) setAside(_ http.ResponseWriter, r *http.Request) error {
	return h.inspect(r, h.store.SetAside)
}

// inspect reads a shard from its beginning to its end. If it has rotted, ifRotten is called, and the
// answer is as if there were none.
func (h *handler) inspect(r *http.Request, ifRotten func(name string, f *os.File) error) error {
	content, shard, err := shardOf(r)
	if err != nil {
		return err
	}
	name := rs.Name(content, shard)
	f, size, err := h.open(name)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	err = verify(f, size, content, shard)
	if !errors.Is(err, rs.ErrRotten) && !errors.Is(err, rs.ErrHeader) {
		return err
	}
	if failed := ifRotten(name, f); failed != nil {
		return fmt.Errorf("set aside what has rotted: %w: %w", failed, err)
	}
	return fmt.Errorf("%w: %w", httpd.Errorf(http.StatusNotFound, "the shard has rotted"), err)
}

// verify reads a shard file from its beginning to its end. Its error wraps rs.ErrRotten or
// rs.ErrHeader if the file is not what was once stored.
func verify(f *os.File, size int64, content hash.Hash, shard int) error {
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
	block := make([]byte, rs.BlockSize+rs.ChecksumSize)
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
