package files

import "sync"

// ShareSyncs has commits that wait for an fsync of objects/ share one. It is called before any other method.
func (d *Dir) ShareSyncs() { d.shared = &sharedSync{} }

// sync makes a rename in a directory durable.
func (d *Dir) sync(path string) error {
	if d.shared == nil || path != d.objects {
		return syncDir(path)
	}
	return d.shared.do(func() error { return syncDir(path) })
}

// sharedSync has concurrent callers share one fsync of a directory: each is served by one that begins after
// its call. (Databases do the same with their logs, and call it group commit.) Its zero value can be used.
type sharedSync struct {
	running sync.Mutex // held by the caller that syncs

	mu   sync.Mutex
	next *round // that callers from now on join
}

type round struct {
	once sync.Once
	err  error
}

// do returns the error of the sync that served the caller.
func (s *sharedSync) do(fsync func() error) error {
	s.mu.Lock()
	if s.next == nil {
		s.next = &round{}
	}
	mine := s.next
	s.mu.Unlock()
	mine.once.Do(func() {
		s.running.Lock()
		defer s.running.Unlock()
		s.mu.Lock()
		s.next = nil // the rename of a later caller may come too late for this one
		s.mu.Unlock()
		mine.err = fsync()
	})
	return mine.err
}
