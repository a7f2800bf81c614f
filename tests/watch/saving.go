package watch

import (
	"os"
	"path/filepath"
	"strings"
)

// saving compares shard files with those of the same shards that are not compressed, which are those of
// chapter 6.
type saving struct {
	Raw    int64 `json:"raw"` // bytes
	Stored int64 `json:"stored"`
}

// raws are the sizes of uncompressed shards, by the hash of the object. Six files are of one size, and what
// a hash stands for never changes.
type raws map[string]int64

// maxRaws is more than the files that are counted on six disks.
const maxRaws = 50_000

// of returns the size that a shard file would have, from its header; 0 if that cannot be read.
func (r raws) of(path string) int64 {
	name := filepath.Base(path)
	object, _, _ := strings.Cut(name, ".")
	if size, known := r[object]; known {
		return size
	}
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close() // it was only read
	h, ok := readHeader(f, name)
	if !ok {
		return 0
	}
	if len(r) >= maxRaws {
		clear(r)
	}
	r[object] = rawSize(h.size)
	return r[object]
}

// rawSize is that of a shard file of version 2.
func rawSize(object int64) int64 {
	stripes := stripesOf(object)
	rest := object % (dataShards * blockSize)
	return headerSize + 4*stripes + object/(dataShards*blockSize)*blockSize + (rest+dataShards-1)/dataShards
}

// add compares one file.
func (s *saving) add(raw, stored int64) {
	if raw > 0 {
		s.Raw += raw
		s.Stored += stored
	}
}
