package files

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

const (
	// reserve is how much of the disk is left free, in bytes: directories grow too.
	reserve = 1 << 20
	// probeInterval is the time between two probes of the disk.
	probeInterval = time.Second
	// hangTimeout is how long a probe may take. An fsync takes longer than it should on a busy disk.
	hangTimeout = 2 * time.Second
	// leaveTimeout is for a probe in progress when Watch is to return.
	leaveTimeout = time.Second
)

// Free returns how many bytes of new files there is room for.
func (d *Dir) Free() (int64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.objects, &fs); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", d.objects, err)
	}
	return max(int64(fs.Bavail)*int64(fs.Bsize)-reserve, 0), nil //nolint:unconvert // the types differ between systems
}

// fits returns syscall.ENOSPC if there is no room for size bytes; size may be −1, for unknown.
func (d *Dir) fits(size int64) error {
	free, err := d.Free()
	if err == nil && free < max(size, 1) {
		err = fmt.Errorf("%d bytes, and %d are free: %w", size, free, syscall.ENOSPC)
	}
	return err
}

// Watched is a Dir whose disk is probed while Watch runs. A call that asks a hung disk does not
// return, so its methods do not ask it. They may be called by several goroutines at once.
type Watched struct {
	dir *Dir

	mu       sync.Mutex
	answered time.Time
	free     int64
	err      error
}

// NewWatched returns a Watched of a disk that answers.
func NewWatched(dir *Dir) *Watched {
	free, err := dir.Free()
	return &Watched{dir: dir, answered: time.Now(), free: free, err: err}
}

// Watch probes the disk until ctx is done. It leaves a probe that hangs behind: that ends with the
// process, or when the disk answers.
func (w *Watched) Watch(ctx context.Context) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.probeUntil(ctx)
	}()
	<-ctx.Done()
	select {
	case <-ended:
	case <-time.After(leaveTimeout):
	}
}

func (w *Watched) probeUntil(ctx context.Context) {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		free, err := w.dir.probe()
		w.mu.Lock()
		w.answered, w.free, w.err = time.Now(), free, err
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// probe writes a byte to the disk. Only whether that returns is of interest: a disk that is full or
// read-only still serves reads.
func (d *Dir) probe() (free int64, err error) {
	_, _ = d.lock.WriteAt([]byte{0}, 0)
	_ = d.lock.Sync()
	if errors.Is(d.Writable(), syscall.EROFS) {
		return 0, nil // no API service chooses it
	}
	return d.Free()
}

// Free returns how much was free at the last probe, in bytes, or an error if the disk does not
// answer.
func (w *Watched) Free() (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if silent := time.Since(w.answered); silent > probeInterval+hangTimeout {
		return 0, fmt.Errorf("the disk has not answered for %v", silent.Round(time.Second))
	}
	return w.free, w.err
}
