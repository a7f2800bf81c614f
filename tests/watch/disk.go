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
	at     time.Time
}

// disks are the disks by STORE_ROOT, as they were a moment ago.
type disks map[string]*disk

func (d disks) of(root string) *disk {
	if known := d[root]; known == nil || time.Since(known.at) > diskInterval {
		d[root] = measure(root)
	}
	return d[root]
}

// measure returns zeros for what cannot be read.
func measure(root string) *disk {
	d := &disk{at: time.Now(), Others: map[string]int{}}
	dirs, _ := list(root)
	for _, dir := range dirs {
		if !dir.IsDir() {
			continue
		}
		files, more := list(filepath.Join(root, dir.Name()))
		if dir.Name() != "objects" {
			if len(files) > 0 {
				d.Others[dir.Name()] = len(files)
			}
			continue
		}
		d.Files, d.More = len(files), more
		for _, file := range files {
			if info, err := file.Info(); err == nil {
				d.Bytes += info.Size()
			}
		}
	}
	return d
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
