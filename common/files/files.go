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
	"syscall"
)

// ErrInUse is returned by Open for a root that a running process has open.
var ErrInUse = errors.New("in use by another process")

// Dir is a STORE_ROOT: objects/ with the whole files and temp/ with those still being written.
// Its methods may be called by several goroutines at once.
type Dir struct {
	objects, temp string
	lock          *os.File
}

// Open makes root/objects and root/temp where they are missing and removes what a process that died
// left in temp. The root is this process's alone until Close.
func Open(root string) (*Dir, error) {
	d := &Dir{objects: filepath.Join(root, "objects"), temp: filepath.Join(root, "temp")}
	if err := os.MkdirAll(d.objects, 0o755); err != nil {
		return nil, fmt.Errorf("store root: %w", err)
	}
	lock, err := lockFile(filepath.Join(root, "lock"))
	if err != nil {
		return nil, fmt.Errorf("store root %s: %w", root, err)
	}
	d.lock = lock
	if err := errors.Join(emptyDir(d.temp), syncDir(root)); err != nil {
		return nil, errors.Join(fmt.Errorf("store root: %w", err), d.Close())
	}
	return d, nil
}

// Close lets another process open the root. Files that are being written or read are not touched.
func (d *Dir) Close() error {
	return d.lock.Close()
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

// Save makes a file of that name out of what body has until EOF, and returns once it is durable.
// On an error while it is written there is nothing of it, and a file that had the name is as before.
func (d *Dir) Save(name string, body io.Reader) error {
	f, err := os.CreateTemp(d.temp, "*")
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if err := fill(f, body); err != nil {
		return errors.Join(fmt.Errorf("save %s: %w", name, err), os.Remove(f.Name()))
	}
	if err := d.commit(f.Name(), name); err != nil {
		return errors.Join(fmt.Errorf("commit %s: %w", name, err), removeIfThere(f.Name()))
	}
	return nil
}

// fill copies body to f, makes it durable and closes f, also on an error.
func fill(f *os.File, body io.Reader) error {
	_, err := io.Copy(f, body)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// commit makes a written file visible under its name. The directory is synced too: without that a
// power cut could forget the rename of a file whose bytes are safe.
func (d *Dir) commit(temp, name string) error {
	if err := os.Rename(temp, filepath.Join(d.objects, name)); err != nil {
		return err
	}
	return syncDir(d.objects)
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
