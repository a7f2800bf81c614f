package files

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	// changeDoubt is how much later than a change of a directory its time of modification may be the same
	// as before.
	changeDoubt = 2 * time.Second
	// followShare is which part of the time Follow may spend: one in so many.
	followShare = 50
)

// Free returns how many bytes of new files there is room for.
func (d *Dir) Free() (int64, error) {
	if err := d.present(); err != nil {
		return 0, err
	}
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

// Ready returns an error if the disk does not answer, is gone or read-only.
func (w *Watched) Ready() error {
	if _, err := w.Free(); err != nil {
		return err
	}
	return w.dir.Writable()
}

// Watch probes the disk until ctx is done. It leaves a probe that hangs behind: that ends with the
// process, or when the disk answers.
func (w *Watched) Watch(ctx context.Context) { leavable(ctx, w.probeUntil) }

// Follow calls changed when the names of files may have changed, also when the root is back that was
// gone, until ctx is done. It leaves a call behind that hangs, as Watch does.
func (w *Watched) Follow(ctx context.Context, changed func() error) {
	leavable(ctx, func(ctx context.Context) { w.dir.follow(ctx, changed) })
}

// leavable runs work, and returns soon after ctx is done even if work hangs.
func leavable(ctx context.Context, work func(ctx context.Context)) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		work(ctx)
	}()
	<-ctx.Done()
	select {
	case <-ended:
	case <-time.After(leaveTimeout):
	}
}

func (d *Dir) follow(ctx context.Context, changed func() error) {
	var was time.Time // when the directory had been modified before the last call; zero: call again
	for {
		start := time.Now()
		if info, err := os.Stat(d.objects); err != nil || d.present() != nil {
			was = time.Time{}
		} else if now := info.ModTime(); !now.Equal(was) {
			if was = now; changed() != nil || start.Sub(now) < changeDoubt {
				was = time.Time{}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(probeInterval, followShare*time.Since(start))):
		}
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
