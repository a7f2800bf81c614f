// Package uploads has the shards of objects whose upload may break off, and go on through another API
// service. A part is one such shard, as far as it has come, and a record of it. Its name is ID.N, where N
// is the number of the shard.
//
//	GET    /uploads/ID.N?from=FIRST&to=END    answers with bytes of the shard
//	POST   /uploads/ID.N?epoch=E              claims the part and answers with the record
//	PATCH  /uploads/ID.N?epoch=E              appends the body to the shard
//	PUT    /uploads/ID.N?epoch=E&length=L     makes durable the shard so far, and the body as its record
//	DELETE /uploads/ID.N?epoch=E              drops the part
//
// An API service claims the parts of an upload before it changes them: it numbers its claim higher than
// those before, and from then on a part refuses requests of lower numbers. So an API service that was
// frozen, or cut off, cannot add its bytes to those of its successor. (Kleppmann, "How to do distributed
// locking", 2016, calls such a number a fencing token.)
package uploads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gostore/chapter9/dataservice/store"
	"gostore/chapter9/rs"
	"gostore/common/files"
)

const (
	recordSuffix = ".record" // of the file beside that of the shard
	none         = "-"       // instead of a name, in the record of a shard that is not complete
)

// Uploads are the parts on this data service. Its methods may be called by several goroutines at once.
type Uploads struct {
	dir     *files.Dir
	path    string // of the directory uploads/
	content *store.Store

	mu    sync.Mutex
	parts map[string]*part
}

// part is used by one request at a time.
type part struct {
	name     string
	busy     bool // a request uses it; Uploads.mu guards this
	record   record
	content  string    // of record, as of the last release; Uploads.mu guards this
	reserved time.Time // until then it cannot be claimed
	used     time.Time
}

// record is what is durable of a part, together with its state, which is the API service's affair.
type record struct {
	epoch   int64  // the number of the last claim
	length  int64  // of the shard, in bytes; what the file has more came after the last checkpoint
	content string // the name as content of a shard that is complete, or none
}

func (r record) isContent() bool { return r.epoch > 0 && r.content != none }

// Open finds the parts that are on disk. One whose record cannot be read is out of its upload. The error is
// rs.ErrVersion if one is of another chapter.
func Open(dir *files.Dir, content *store.Store, log *slog.Logger) (*Uploads, error) {
	path, err := dir.Sub("uploads")
	if err != nil {
		return nil, err
	}
	us := &Uploads{dir: dir, path: path, content: content, parts: map[string]*part{}}
	entries, err := filepath.Glob(filepath.Join(path, "*"))
	for _, file := range entries {
		err := us.load(file)
		if errors.Is(err, rs.ErrVersion) {
			return nil, fmt.Errorf("upload %s: %w", file, err)
		}
		if err != nil {
			log.Warn("an upload cannot go on here", "file", file, "error", err)
		}
	}
	return us, err
}

// load removes a shard without a record: the service died when the part began.
func (us *Uploads) load(file string) error {
	if err := checkVersion(strings.TrimSuffix(file, recordSuffix)); err != nil {
		return err
	}
	info, err := os.Stat(strings.TrimSuffix(file, recordSuffix) + recordSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(file)
	}
	if err != nil || !strings.HasSuffix(file, recordSuffix) {
		return err
	}
	p := &part{name: strings.TrimSuffix(filepath.Base(file), recordSuffix), used: info.ModTime()}
	if _, err := us.read(p); err != nil {
		return err
	}
	p.content = p.record.content
	us.parts[p.name] = p
	return nil
}

// checkVersion returns an error for the shard of another chapter.
func checkVersion(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return nil // it is content already, or has not begun
	}
	defer f.Close() // opened for reading
	if _, _, err = store.ReadHeader(f); errors.Is(err, rs.ErrVersion) {
		return err
	}
	return nil
}

// Has reports whether there is a part of that name.
func (us *Uploads) Has(name string) bool {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.parts[name] != nil
}

// Needs reports whether a part is content of that name, whose version may not exist yet.
func (us *Uploads) Needs(content string) bool {
	us.mu.Lock()
	defer us.mu.Unlock()
	for _, p := range us.parts {
		if p.content == content {
			return true
		}
	}
	return false
}

// take takes a part into use. With create it makes one that is missing.
func (us *Uploads) take(name string, create bool) (*part, error) {
	us.mu.Lock()
	defer us.mu.Unlock()
	p := us.parts[name]
	switch {
	case p == nil && !create:
		return nil, errUnknown()
	case p == nil:
		p = &part{name: name}
		us.parts[name] = p
	case p.busy:
		return nil, errInUse()
	}
	p.busy = true
	return p, nil
}

// release also forgets a part that could not begin.
func (us *Uploads) release(p *part) {
	us.mu.Lock()
	defer us.mu.Unlock()
	p.busy, p.content = false, p.record.content
	if p.record.epoch == 0 {
		delete(us.parts, p.name)
		_ = os.Remove(us.file(p)) // there may be none
	}
}

func (us *Uploads) file(p *part) string { return filepath.Join(us.path, p.name) }

// read reads the record of a part and returns its state.
func (us *Uploads) read(p *part) (state []byte, err error) {
	content, err := os.ReadFile(us.file(p) + recordSuffix)
	if err != nil {
		return nil, err
	}
	line, state, _ := bytes.Cut(content, []byte("\n"))
	if _, err := fmt.Sscan(string(line), &p.record.epoch, &p.record.length, &p.record.content); err != nil {
		return nil, fmt.Errorf("record of upload %s: %w", p.name, err)
	}
	return state, nil
}

// claim makes epoch the number of the last claim, and removes what came after the last checkpoint.
func (us *Uploads) claim(p *part, epoch int64, state []byte) error {
	next := p.record
	next.epoch = epoch
	return us.write(p, next, state)
}

// checkpoint makes durable the first bytes of the shard, and then the record of them. A complete shard
// becomes content after that.
func (us *Uploads) checkpoint(p *part, next record, state []byte) error {
	if p.record.isContent() {
		return us.write(p, next, state)
	}
	f, err := os.OpenFile(us.file(p), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < next.length {
		err = fmt.Errorf("upload %s has %d bytes, not %d", p.name, info.Size(), next.length)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return us.write(p, next, state)
}

// write makes the record durable, and then the shard what it says: content, or a file of that length.
func (us *Uploads) write(p *part, next record, state []byte) error {
	text := fmt.Appendf(nil, "%d %d %s\n%s", next.epoch, next.length, next.content, state)
	if err := us.dir.Write(us.file(p)+recordSuffix, text); err != nil {
		return fmt.Errorf("record of upload %s: %w", p.name, err)
	}
	p.record, p.used = next, time.Now()
	if !next.isContent() {
		return os.Truncate(us.file(p), next.length)
	}
	shard, err := us.dir.Adopt(us.file(p))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is content already
	}
	if err != nil {
		return err
	}
	return us.content.Commit(shard, next.content)
}

// remove leaves nothing of a part. The record goes last: without it the shard would never be found.
func (us *Uploads) remove(p *part) error {
	us.mu.Lock()
	defer us.mu.Unlock()
	delete(us.parts, p.name)
	err := os.Remove(us.file(p))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // it is content
	}
	return errors.Join(err, os.Remove(us.file(p)+recordSuffix))
}

// Sweep removes parts that were not used for age, until ctx is done.
func (us *Uploads) Sweep(ctx context.Context, age time.Duration, log *slog.Logger) {
	tick := time.NewTicker(min(age/4+1, time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, p := range us.takeOld(time.Now().Add(-age)) {
				if err := us.remove(p); err != nil {
					log.Warn("an old upload cannot be removed", "part", p.name, "error", err)
				}
			}
		}
	}
}

func (us *Uploads) takeOld(before time.Time) (old []*part) {
	us.mu.Lock()
	defer us.mu.Unlock()
	for _, p := range us.parts {
		if !p.busy && p.used.Before(before) {
			p.busy = true
			old = append(old, p)
		}
	}
	return old
}
