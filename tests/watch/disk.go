package watch

import (
	"os"
	"path/filepath"
	"time"
)

const (
	diskInterval = 2 * time.Second // from one look at a disk to the next
	maxFiles     = 5000            // that are counted in a directory
)

// disk is what a STORE_ROOT has.
type disk struct {
	Files int   `json:"files"` // in objects/
	Bytes int64 `json:"bytes"` // of these
	More  bool  `json:"more"`  // there are more than those that were counted
	// Others are the numbers of files in other directories that are not empty: temp, quarantine, or
	// what a later chapter has.
	Others map[string]int `json:"others,omitempty"`
	saved  saving
	at     time.Time
}

// disks are the disks as they were a moment ago.
type disks struct {
	known map[string]*disk // by STORE_ROOT
	raws  raws             // nil without compression
}

func newDisks(compressed bool) *disks {
	d := &disks{known: map[string]*disk{}}
	if compressed {
		d.raws = raws{}
	}
	return d
}

func (d *disks) of(root string) *disk {
	if known := d.known[root]; known == nil || time.Since(known.at) > diskInterval {
		d.known[root] = d.measure(root)
	}
	return d.known[root]
}

// saved is what compression has saved on all disks, nil without compression.
func (d *disks) saved() (all *saving) {
	if d.raws == nil {
		return nil
	}
	all = &saving{}
	for _, disk := range d.known {
		all.add(disk.saved.Raw, disk.saved.Stored)
	}
	return all
}

// measure returns zeros for what cannot be read.
func (d *disks) measure(root string) *disk {
	found := &disk{at: time.Now(), Others: map[string]int{}}
	dirs, _ := list(root)
	for _, dir := range dirs {
		if !dir.IsDir() {
			continue
		}
		path := filepath.Join(root, dir.Name())
		files, more := list(path)
		switch {
		case dir.Name() == "objects":
			found.Files, found.More = len(files), more
			d.measureFiles(found, path, files)
		case len(files) > 0:
			found.Others[dir.Name()] = len(files)
		}
	}
	return found
}

func (d *disks) measureFiles(found *disk, dir string, files []os.DirEntry) {
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			continue
		}
		found.Bytes += info.Size()
		if d.raws != nil {
			found.saved.add(d.raws.of(filepath.Join(dir, file.Name())), info.Size())
		}
	}
}

// list returns the first files of a directory, and whether there are more.
func list(dir string) (entries []os.DirEntry, more bool) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false
	}
	defer f.Close()                  // it was only read
	entries, _ = f.ReadDir(maxFiles) // an empty directory ends at once
	return entries, len(entries) == maxFiles
}
