// Package files keeps whole files: one is either there with all its bytes, on disk, or not there.
//
// The way to a durable file is the usual one (restic's local backend does the same): write it under
// another name, fsync it, rename it, fsync the directory.
package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// ErrInUse is returned by Open for a root that a running process has open.
var ErrInUse = errors.New("in use by another process")

// Dir is a STORE_ROOT: objects/ with the whole files, temp/ with those still being written, and
// rotten/ with those that were found to be not what they should be.
// Its methods may be called by several goroutines at once.
type Dir struct {
	objects, temp, rotten string
	lock                  *os.File
	visible               *os.File   // objects, open to be synced
	commits               sharedSync // of objects
	buffers               sync.Pool  // of *[]byte, bufferSize bytes long
	pieces                sync.Pool  // of *[]byte, made by newPiece
	recent                recent
}

// Open makes root/objects and root/temp where they are missing and removes what a process that died
// left in temp. The root is this process's alone until Close.
func Open(root string) (*Dir, error) {
	d := &Dir{objects: filepath.Join(root, "objects"), temp: filepath.Join(root, "temp"), rotten: filepath.Join(root, "rotten")}
	d.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	d.pieces.New = newPiece
	if err := os.MkdirAll(d.objects, 0o755); err != nil {
		return nil, fmt.Errorf("store root: %w", err)
	}
	lock, err := lockFile(filepath.Join(root, "lock"))
	if err != nil {
		return nil, fmt.Errorf("store root %s: %w", root, err)
	}
	d.lock = lock
	if d.visible, err = os.Open(d.objects); err != nil {
		return nil, errors.Join(fmt.Errorf("store root: %w", err), lock.Close())
	}
	if err := errors.Join(emptyDir(d.temp), syncDir(root)); err != nil {
		return nil, errors.Join(fmt.Errorf("store root: %w", err), d.Close())
	}
	return d, nil
}

// Close lets another process open the root. Files that are being written or read are not touched.
func (d *Dir) Close() error {
	return errors.Join(d.visible.Close(), d.lock.Close())
}

// lockFile takes the lock that the kernel gives back however the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written to it
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock: %w", err) // a file system without locks, for one
	}
	return f, nil
}

func emptyDir(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o755)
}

// Open opens the whole file of that name and tells its size in bytes. The error is fs.ErrNotExist
// where there is none. The caller closes it. A commit of the same name meanwhile does not change
// what it reads.
func (d *Dir) Open(name string) (*os.File, int64, error) {
	f, err := os.Open(filepath.Join(d.objects, name))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // opened for reading
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Has reports whether there is a whole file of that name.
func (d *Dir) Has(name string) (bool, error) {
	_, err := os.Stat(filepath.Join(d.objects, name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Names calls do with the name of every whole file, in no order, until it returns an error.
func (d *Dir) Names(do func(name string) error) error {
	dir, err := os.Open(d.objects)
	if err != nil {
		return err
	}
	defer dir.Close() // opened for reading
	for {
		names, err := dir.Readdirnames(10_000)
		if errors.Is(err, io.EOF) {
			return nil
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

// Is tells whether f, which Open returned, is still the file of that name.
func (d *Dir) Is(name string, f *os.File) (bool, error) {
	there, err := os.Stat(filepath.Join(d.objects, name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(there, open), err
}

// SetAside moves a whole file that is not what it should be to root/rotten: nobody finds it there
// but people. One that was set aside before under that name is replaced.
func (d *Dir) SetAside(name string) error {
	if err := d.KeepRotten(name); err != nil {
		return err
	}
	return errors.Join(os.Remove(filepath.Join(d.objects, name)), d.visible.Sync())
}

// KeepRotten gives a whole file that is about to be replaced another name in root/rotten, as SetAside
// does. Until a commit takes the first one it is there under both.
func (d *Dir) KeepRotten(name string) error {
	if err := os.MkdirAll(d.rotten, 0o755); err != nil {
		return err
	}
	kept := filepath.Join(d.rotten, name)
	if err := removeIfThere(kept); err != nil {
		return err
	}
	return errors.Join(os.Link(filepath.Join(d.objects, name), kept), syncDir(d.rotten))
}

// Save makes a file of that name out of what body has until EOF, and returns once it is durable.
// On an error while it is written there is nothing of it, and a file that had the name is as before.
func (d *Dir) Save(name string, body io.Reader) error {
	t, err := d.Create()
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if _, err := t.Append(body); err != nil {
		return errors.Join(fmt.Errorf("save %s: %w", name, err), t.Drop())
	}
	return t.Commit(name)
}

// bufferSize is how much is read and written at a time, in bytes: enough for system calls not to count, and
// little enough to be in a core's cache when it is written.
const bufferSize = 128 << 10

// Temp is a file that is being written. It ends with Commit or Drop. It is for one goroutine at a
// time.
type Temp struct {
	dir     *Dir
	file    *os.File
	mode    mode
	written int64 // bytes
}

// Create begins a file that nobody can see yet.
func (d *Dir) Create() (*Temp, error) {
	f, err := os.CreateTemp(d.temp, "*")
	if err != nil {
		return nil, err
	}
	return &Temp{dir: d, file: f}, nil
}

// Append adds what from has until EOF, and tells how many bytes that was.
func (t *Temp) Append(from io.Reader) (sum int64, err error) {
	for err == nil {
		var n int
		n, err = t.appendPiece(from)
		sum += int64(n)
	}
	if err == io.EOF { // not one that wraps it: that is a body which broke off
		err = nil
	}
	return sum, err
}

// appendPiece returns io.EOF after the last one.
func (t *Temp) appendPiece(from io.Reader) (int, error) {
	pool := &t.dir.buffers
	if t.written >= Cached {
		pool = &t.dir.pieces
	}
	buffer := pool.Get().(*[]byte)
	defer pool.Put(buffer)
	n, err := fill(*buffer, from)
	if n == 0 {
		return 0, err
	}
	if failed := t.write((*buffer)[:n]); failed != nil {
		return 0, failed
	}
	return n, err
}

func (t *Temp) write(p []byte) error {
	_, err := t.mode.do(t.file, t.file.WriteAt, p, t.written)
	t.written += int64(len(p))
	return err
}

// fill is io.ReadFull, but with the error that from has, io.EOF too: a body that broke off must not look
// like one that ended.
func fill(p []byte, from io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = from.Read(p[n:])
		n += more
	}
	return n, err
}

// Commit makes the file durable and then visible under name, in place of a file that had the name.
// After an error there is nothing of it, or, if the very last step failed, all of it.
func (t *Temp) Commit(name string) error {
	err := errors.Join(t.file.Sync(), t.file.Close())
	if err == nil {
		err = t.dir.commit(t.file.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("commit %s: %w", name, err), removeIfThere(t.file.Name()))
	}
	t.dir.uncache(t.dir.recent.add(name, t.written))
	return nil
}

// Drop removes what has been written.
func (t *Temp) Drop() error {
	return errors.Join(t.file.Close(), os.Remove(t.file.Name()))
}

// commit makes a written file visible under its name. The directory is synced too: without that a
// power cut could forget the rename of a file whose bytes are safe.
func (d *Dir) commit(temp, name string) error {
	// Not os.Rename, which first looks for a directory of that name.
	if err := syscall.Rename(temp, filepath.Join(d.objects, name)); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return d.commits.do(d.visible.Sync)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
