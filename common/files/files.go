// Package files stores whole files: a file either exists with all its bytes, on disk, or it does
// not exist.
//
// A durable file takes four steps, as in restic's local backend: write it under another name, fsync
// it, rename it, fsync the directory.
package files

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gostore/common/httpd"
)

// ErrInUse is returned by Open for a root that a running process has open.
var ErrInUse = errors.New("in use by another process")

// ErrGone is returned for files of a root that is not where it was opened: its disk was unmounted, or
// it was renamed. Nothing is known of what it has.
var ErrGone = httpd.Unavailable("the store root is gone: is its disk mounted?")

// errNotFile is for a directory, a FIFO or a device in the place of a file.
var errNotFile = errors.New("not a regular file")

// readOnly is ST_RDONLY of Linux and MNT_RDONLY of macOS.
const readOnly = 1

// Dir is a STORE_ROOT: objects/ has the whole files, temp/ those that are being written, and
// quarantine/ those that turned out to be corrupt.
// Its methods may be called by several goroutines at once.
type Dir struct {
	objects, temp, quarantine string
	lock                      *os.File
	moving                    sync.Mutex // held by Quarantine
}

// Open creates root/objects and root/temp if they are missing, and removes what a process that died
// left in temp. No other process can open the root until Close. A root that is read-only can be
// opened if it was opened before, when it was not.
func Open(root string) (*Dir, error) {
	d := &Dir{
		objects:    filepath.Join(root, "objects"),
		temp:       filepath.Join(root, "temp"),
		quarantine: filepath.Join(root, "quarantine"),
	}
	if err := d.open(root); err != nil {
		return nil, fmt.Errorf("store root %s: %w", root, err)
	}
	return d, nil
}

func (d *Dir) open(root string) (err error) {
	for _, path := range []string{d.objects, d.temp} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	if err := sameFileSystem(d.objects, d.temp); err != nil {
		return err
	}
	if d.lock, err = lockFile(filepath.Join(root, "lock")); err != nil {
		return err
	}
	err = emptyDir(d.temp)
	if errors.Is(err, syscall.EROFS) {
		err = nil
	}
	if err := errors.Join(err, SyncDir(root)); err != nil {
		return errors.Join(err, d.Close())
	}
	return nil
}

// Writable returns an error, syscall.EROFS, if the file system is read-only: mounted so, or made so
// by the kernel when the disk failed.
func (d *Dir) Writable() error {
	if err := d.present(); err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.objects, &fs); err != nil {
		return fmt.Errorf("statfs %s: %w", d.objects, err)
	}
	if fs.Flags&readOnly != 0 {
		return fmt.Errorf("the disk serves reads and takes no writes: %w", syscall.EROFS)
	}
	return nil
}

// present returns ErrGone if the root is gone. Another disk, or none, in its place has another lock file.
func (d *Dir) present() error {
	opened, err := d.lock.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(d.lock.Name())
	if _, missing := os.Stat(d.objects); err != nil || missing != nil || !os.SameFile(opened, now) {
		return ErrGone
	}
	return nil
}

// orGone is ErrGone instead of an error that says that there is no file, if the root is gone.
func (d *Dir) orGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return cmp.Or(d.present(), err)
	}
	return err
}

// Close lets another process open the root. It does not affect files that are being written or
// read.
func (d *Dir) Close() error { return d.lock.Close() }

// lockFile takes a lock that the kernel releases however the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if errors.Is(err, syscall.EROFS) {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written to it
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock: %w", err) // for example on a file system without locks
	}
	return f, nil
}

// sameFileSystem returns an error if no file can be renamed from one directory to the other.
func sameFileSystem(a, b string) error {
	var inA, inB syscall.Stat_t
	if err := errors.Join(syscall.Stat(a, &inA), syscall.Stat(b, &inB)); err != nil {
		return err
	}
	if inA.Dev != inB.Dev {
		return fmt.Errorf("%s and %s are on different file systems: mount one at the store root instead",
			a, b)
	}
	return nil
}

// emptyDir makes a directory anew. In place of a symbolic link, whose target is not ours to empty,
// it makes a directory too.
func emptyDir(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o755)
}

// Open opens the file of that name and returns its size in bytes. The error is fs.ErrNotExist if
// there is none, and ErrGone if that is not known. The caller closes it. A later commit of the same name does not change the content.
func (d *Dir) Open(name string) (*os.File, int64, error) {
	// O_NONBLOCK: without it, opening a FIFO would wait for a writer.
	f, err := os.OpenFile(filepath.Join(d.objects, name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, d.orGone(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: f.Name(), Err: errNotFile}
	}
	if err != nil {
		_ = f.Close() // opened for reading
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Has reports whether anything of that name exists: a file, or by mistake a directory.
func (d *Dir) Has(name string) (bool, error) {
	_, err := os.Stat(filepath.Join(d.objects, name))
	err = d.orGone(err)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Sub returns the path of a directory beside objects/, and makes it, durably, unless the disk is
// read-only.
func (d *Dir) Sub(name string) (string, error) {
	root := filepath.Dir(d.objects)
	path := filepath.Join(root, name)
	if errors.Is(d.Writable(), syscall.EROFS) {
		return path, nil
	}
	return path, errors.Join(os.MkdirAll(path, 0o755), SyncDir(root))
}

// Write is Save for a small file that is elsewhere on the same file system.
func (d *Dir) Write(path string, content []byte) error {
	t, err := d.Create(int64(len(content)))
	if err != nil {
		return err
	}
	if _, err := t.file.Write(content); err != nil {
		return errors.Join(err, t.Drop())
	}
	return t.commitTo(path)
}

// Names calls do with the name of every file, in no order, until it returns an error. The error is ErrGone if
// that may not have been all: the root is gone.
func (d *Dir) Names(do func(name string) error) error {
	dir, err := os.Open(d.objects)
	if err != nil {
		return d.orGone(err)
	}
	defer dir.Close() // opened for reading
	for {
		names, err := dir.Readdirnames(1000) // not all of them: there may be millions
		if errors.Is(err, io.EOF) {
			return d.present()
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := do(name); err != nil {
				return err
			}
		}
	}
}

// Quarantine moves a corrupt file, or a directory in its place, from objects/ to quarantine/, where
// no method finds it but an operator can. It replaces an earlier one of the same name. If there is none it
// does nothing.
func (d *Dir) Quarantine(name string) error {
	if err := d.quarantineBy(os.Rename, name); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return SyncDir(d.objects)
}

// quarantineBy has move give a file a name in quarantine/.
func (d *Dir) quarantineBy(move func(from, to string) error, name string) error {
	d.moving.Lock()
	defer d.moving.Unlock()
	from, to := filepath.Join(d.objects, name), filepath.Join(d.quarantine, name)
	if _, err := os.Lstat(from); err != nil {
		return err // and the earlier one stays
	}
	// Rename alone would not replace a directory by a file, or a file by a directory.
	if err := errors.Join(os.MkdirAll(d.quarantine, 0o755), os.RemoveAll(to)); err != nil {
		return err
	}
	if err := move(from, to); err != nil {
		return err
	}
	now := time.Now() // SweepQuarantine goes by it
	return errors.Join(os.Chtimes(to, now, now), SyncDir(d.quarantine))
}

// SweepQuarantine removes what was quarantined before a time, and returns the names.
func (d *Dir) SweepQuarantine(before time.Time) (removed []string, err error) {
	d.moving.Lock()
	defer d.moving.Unlock()
	entries, err := os.ReadDir(d.quarantine)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.quarantine, entry.Name())); err != nil {
			return removed, err
		}
		removed = append(removed, entry.Name())
	}
	return removed, err
}

// Remove removes a file for good, and returns how many bytes it had.
func (d *Dir) Remove(name string) (size int64, err error) {
	path := filepath.Join(d.objects, name)
	info, err := os.Lstat(path)
	if err != nil {
		return 0, d.orGone(err)
	}
	return info.Size(), os.Remove(path)
}

// Save writes a file of that name from what body has until EOF, and returns when it is durable.
// After an error nothing of it exists, and an earlier file of that name is unchanged. size is as for
// Create.
func (d *Dir) Save(name string, body io.Reader, size int64) error {
	t, err := d.Create(size)
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if _, err := t.Append(body); err != nil {
		return errors.Join(fmt.Errorf("save %s: %w", name, err), t.Drop())
	}
	return t.Commit(name)
}

// Temp is a file that is being written. It ends with Commit or Drop. Only one goroutine may use it
// at a time.
type Temp struct {
	dir  *Dir
	file *os.File
}

// Create begins a file that is not visible yet. The error is syscall.ENOSPC if there is no room for
// size bytes, or, with a size of −1, if the disk is full. The room is not reserved.
func (d *Dir) Create(size int64) (*Temp, error) {
	if err := d.fits(size); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(d.temp, "*")
	if err != nil {
		return nil, err
	}
	return &Temp{d, f}, nil
}

// Adopt is Create for a file that is there already, on the same file system.
func (d *Dir) Adopt(path string) (*Temp, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Temp{d, f}, nil
}

// Append adds what from has until io.EOF, and returns how many bytes that was. Any other error of
// from is returned, also one that wraps io.EOF: that is a body which broke off.
func (t *Temp) Append(from io.Reader) (int64, error) { return io.Copy(t.file, from) }

// Written returns what has been written, and its size in bytes. It can be read until Commit or Drop.
func (t *Temp) Written() (io.ReaderAt, int64, error) {
	info, err := t.file.Stat()
	if err != nil {
		return nil, 0, err
	}
	return t.file, info.Size(), nil
}

// Commit makes the file durable and then visible under name, in place of an earlier file of that
// name. After an error nothing of it exists or, if the very last step failed, all of it.
func (t *Temp) Commit(name string) error { return t.commitTo(filepath.Join(t.dir.objects, name)) }

func (t *Temp) commitTo(path string) error {
	err := errors.Join(t.file.Sync(), t.file.Close())
	if err == nil {
		err = os.Rename(t.file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("commit %s: %w", filepath.Base(path), err), os.Remove(t.file.Name()))
	}
	// Without this a power cut could undo the rename of a file whose bytes are safe.
	return SyncDir(filepath.Dir(path))
}

// Replace is Commit in place of a file that is corrupt or cannot be read, which is quarantined. It stays
// visible until the new file takes its name: parts of it may be the only good copies. Only a directory is
// moved first, since it cannot have two names.
func (t *Temp) Replace(name string) error {
	err := t.dir.quarantineBy(os.Link, name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = t.dir.quarantineBy(os.Rename, name)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("quarantine %s: %w", name, err), t.Drop())
	}
	return t.Commit(name)
}

// Drop removes what has been written.
func (t *Temp) Drop() error {
	return errors.Join(t.file.Close(), os.Remove(t.file.Name()))
}

// SyncDir returns when the names in a directory are on disk.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
