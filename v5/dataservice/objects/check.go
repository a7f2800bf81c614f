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

// check reads a shard here, where it costs the disk and no network. A rotten one is set aside, and
// the answer is as if there were none.
func (h *handler) check(_ http.ResponseWriter, r *http.Request) error {
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
	if aside := h.store.SetAside(name, f); aside != nil {
		return fmt.Errorf("set aside what has rotted: %w: %w", aside, err)
	}
	return fmt.Errorf("%w: %w", httpd.Errorf(http.StatusNotFound, "the shard has rotted and was set aside"), err)
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
