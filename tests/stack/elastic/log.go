package elastic

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gostore/common/files"
)

const (
	sumSize = 8       // of the CRC-32C before a record
	spare   = 1 << 20 // how much a full file grows: a sync takes longer if the file has grown
)

// record is a line of the log, in JSON: a write, or a change.
type record struct {
	Index  string          `json:"i,omitempty"`
	ID     string          `json:"id,omitempty"`
	Source json.RawMessage `json:"s,omitempty"`
	Change *change         `json:"c,omitempty"`
}

// file is what the log needs of an *os.File. Tests have one that loses what was not synced.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// log is a file of records, each a line with its checksum, and zeros after them. It ends where a line
// is not whole: one that was being written when the server was killed, and was not acknowledged.
//
// append must not be called concurrently. The other methods may be.
type log struct {
	file file
	end  atomic.Int64 // of the last record
	size int64        // of the file

	syncing sync.Mutex
	synced  int64 // all before it is on disk
	failed  error // of a sync: what is on disk is not known any more
}

// openFile opens the log in a directory for this process alone.
func openFile(dir string) (file, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "elastic.log"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for range 10 { // a server that was killed may need a moment to be gone
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return f, files.SyncDir(dir)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("%s, which one server can use: %w", f.Name(), err), f.Close())
}

// replay calls do with every record, where it is and how long, and makes the log ready for more.
func (l *log) replay(do func(r record, at int64, size int)) error {
	in := bufio.NewReaderSize(io.NewSectionReader(l.file, 0, math.MaxInt64), 1<<20)
	for end := int64(0); ; {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || len(line) <= sumSize || string(line[:sumSize]) != checksum(line[sumSize:]) {
			break
		}
		var r record
		if err := json.Unmarshal(line[sumSize:], &r); err != nil {
			return err
		}
		do(r, end+sumSize, len(line)-sumSize)
		end += int64(len(line))
		l.end.Store(end)
	}
	l.size, l.synced = l.end.Load(), l.end.Load()
	// What is behind the end could become whole when records are written before it.
	return errors.Join(l.file.Truncate(l.size), l.file.Sync())
}

func checksum(text []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))) // the table is made once
}

// append writes a record and returns where it is and how long. It is on disk after sync.
func (l *log) append(r record) (at int64, size int, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return 0, 0, err
	}
	text = append(text, '\n')
	line := append([]byte(checksum(text)), text...)
	end := l.end.Load()
	after := end + int64(len(line))
	if after > l.size {
		line = append(line, make([]byte, spare)...)
	}
	if _, err = l.file.WriteAt(line, end); err == nil { // else the next record takes its place
		l.size = max(l.size, end+int64(len(line)))
		l.end.Store(after)
	}
	return end + sumSize, len(text), err
}

// read returns a record that append or replay said where it is.
func (l *log) read(at int64, size uint32) (r record, err error) {
	text := make([]byte, size)
	if _, err := l.file.ReadAt(text, at); err != nil {
		return record{}, err
	}
	return r, json.Unmarshal(text, &r)
}

// sync returns when all that was appended before the call is on disk. Calls that come while the disk
// is busy share the next fsync.
func (l *log) sync() error {
	appended := l.end.Load()
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.failed != nil || l.synced >= appended {
		return l.failed
	}
	end := l.end.Load()
	if l.failed = l.file.Sync(); l.failed == nil {
		l.synced = end
	}
	return l.failed
}
