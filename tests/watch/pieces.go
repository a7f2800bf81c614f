package watch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"gostore/common/hash"
	"gostore/common/names"
)

// states of a piece.
const (
	intact     = "intact"
	corrupt    = "corrupt"
	missing    = "missing"
	unverified = "unverified" // nothing on disk says what its bytes should be, or not in a form known here
)

// piece is a file that has an object's content: all of it, or one shard.
type piece struct {
	Shard   int    `json:"shard"` // −1 if it is no shard
	Service string `json:"service,omitempty"`
	File    string `json:"file"` // name in objects/
	Size    int64  `json:"size"`
	Raw     int64  `json:"raw,omitempty"` // its size if it were not compressed
	State   string `json:"state"`
}

// pieces answers GET /pieces?name=NAME&hash=BASE64 with the pieces of an object, in the order of
// shards. Shards that no data service has are listed as missing.
func (p *Page) pieces(w http.ResponseWriter, r *http.Request) {
	files, err := p.filesOf(r.FormValue("name"), r.FormValue("hash"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found := []piece{}
	for i, file := range files {
		shard := i
		if !p.has.Shards {
			shard = -1
		}
		held := p.holders(file, shard)
		if len(held) == 0 {
			held = []piece{{Shard: shard, File: file, State: missing}}
		}
		found = append(found, held...)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(found) // if it fails the page is closed
}

// filesOf returns the names that the files of an object have in this chapter.
func (p *Page) filesOf(name, base64 string) ([]string, error) {
	if !p.has.Versions {
		file, err := names.File(name)
		return []string{file}, err
	}
	content, err := hash.Parse(base64)
	if err != nil || !p.has.Shards {
		return []string{content.Hex()}, err
	}
	var files []string
	for shard := range shards {
		files = append(files, content.Hex()+"."+strconv.Itoa(shard))
	}
	return files, nil
}

func (p *Page) holders(file string, shard int) (held []piece) {
	for _, process := range p.cfg.Cluster.All() {
		if process.Root == "" {
			continue
		}
		path := filepath.Join(process.Root, "objects", file)
		if info, err := os.Stat(path); err == nil {
			state := p.checks.of(path, info, func() string { return p.check(path, file) })
			next := piece{Shard: shard, Service: process.Name, File: file, Size: info.Size(), State: state}
			if p.has.Compression {
				next.Raw = raws{}.of(path)
			}
			held = append(held, next)
		}
	}
	return held
}

func (p *Page) check(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return corrupt // to a client it is
	}
	defer f.Close() // it was only read
	switch {
	case p.has.Shards:
		return checkShard(f, name)
	case p.has.Versions:
		return checkContent(f, name)
	}
	return unverified
}

func checkContent(r io.Reader, name string) string {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil || hex.EncodeToString(sum.Sum(nil)) != name {
		return corrupt
	}
	return intact
}

// The shard file, versions 2 to 4, as docs/format.md has it.
const (
	shards     = 6
	dataShards = 4
	blockSize  = 128 << 10
	headerSize = 56
)

// layout is in what the versions differ.
type layout struct {
	entry    int64 // bytes of a stripe in the table; 0: there is no table
	minBlock int64 // a block is not shorter, unless the stripe is
}

func layouts() map[byte]layout {
	return map[byte]layout{2: {}, 3: {entry: 8}, 4: {entry: 12, minBlock: 4 << 10}}
}

// contents are those of a file: an *os.File, or a *bytes.Reader.
type contents interface {
	io.ReadSeeker
	io.ReaderAt
}

// checkShard reads a shard file to its end and verifies every checksum in it but those of whole stripes, of which a
// shard has a part.
func checkShard(f contents, name string) string {
	h, ok := readHeader(f, name)
	if !ok {
		return corrupt
	}
	l, known := layouts()[h.version]
	if !known {
		return unverified // another chapter's format
	}
	table, err := tableOf(f, l, h.size, h.seed)
	if err != nil || !checkBlocks(bufio.NewReaderSize(f, 64<<10), l, h.size, h.seed, table) {
		return corrupt
	}
	return intact
}

// header is that of a shard file.
type header struct {
	version byte
	size    int64 // of the object
	seed    uint32
}

// readHeader reports whether the header is right, and that of this shard.
func readHeader(r io.Reader, name string) (h header, ok bool) {
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return h, false
	}
	h = header{b[4], int64(binary.BigEndian.Uint64(b[12:])), binary.BigEndian.Uint32(b[52:])}
	ownName := hex.EncodeToString(b[20:52]) + "." + strconv.Itoa(int(b[5]))
	return h, checksum(0, b[:52]) == h.seed && ownName == name
}

func stripesOf(object int64) int64 {
	return (object + dataShards*blockSize - 1) / (dataShards * blockSize)
}

func checksum(before uint32, b []byte) uint32 {
	return crc32.Update(before, crc32.MakeTable(crc32.Castagnoli), b)
}

// tableOf returns the table at the end of a file, nil if there is none.
func tableOf(f contents, l layout, size int64, seed uint32) ([]byte, error) {
	if l.entry == 0 {
		return nil, nil
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	stripes := stripesOf(size)
	length := stripes*l.entry + 4
	if length < 4 || length > end {
		return nil, io.ErrUnexpectedEOF
	}
	table := make([]byte, length)
	if _, err := f.ReadAt(table, end-length); err != nil {
		return nil, err
	}
	if _, err := f.Seek(headerSize, io.SeekStart); err != nil {
		return nil, err
	}
	if checksum(seed+uint32(stripes), table[:length-4]) != binary.BigEndian.Uint32(table[length-4:]) {
		return nil, errors.New("the table is corrupt")
	}
	return table, nil
}

// checkBlocks reads the blocks, and what comes after them, which is the table.
func checkBlocks(r io.Reader, l layout, size int64, seed uint32, table []byte) bool {
	block := make([]byte, blockSize+4)
	for stripe := int64(0); size > 0; stripe++ {
		encoded := min(size, dataShards*blockSize)
		size -= encoded
		if table != nil {
			encoded = int64(binary.BigEndian.Uint32(table[stripe*l.entry:]) &^ (1 << 31))
		}
		length := max((encoded+dataShards-1)/dataShards, min(encoded, l.minBlock))
		if length > blockSize {
			return false
		}
		if _, err := io.ReadFull(r, block[:length+4]); err != nil ||
			checksum(seed+uint32(stripe), block[:length]) != binary.BigEndian.Uint32(block[length:]) {
			return false
		}
	}
	rest, err := io.ReadAll(io.LimitReader(r, int64(len(table))+1))
	return err == nil && bytes.Equal(rest, table)
}

// checks are the results for files that have not changed since.
type checks struct {
	mu    sync.Mutex
	known map[string]checked
}

type checked struct {
	size  int64
	time  time.Time
	state string
}

// maxChecks bounds the memory of checks.
const maxChecks = 1000

func (c *checks) of(path string, info os.FileInfo, check func() string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.known[path]
	if known && last.size == info.Size() && last.time.Equal(info.ModTime()) {
		return last.state
	}
	if len(c.known) >= maxChecks || c.known == nil {
		c.known = map[string]checked{}
	}
	state := check()
	c.known[path] = checked{info.Size(), info.ModTime(), state}
	return state
}
