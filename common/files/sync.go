package files

import "sync"

// sharedSync has several callers share one fsync of a directory: each is served by one that begins after
// it came. (Databases do the same with their logs, and call it group commit.) It is ready for use as it is.
type sharedSync struct {
	running sync.Mutex // held by the one that syncs

	mu   sync.Mutex
	next *round // for who comes now
}

type round struct {
	once sync.Once
	err  error
}

// do returns what the sync returned that served the caller.
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
		s.next = nil // who comes from now on may have renamed too late for this one
		s.mu.Unlock()
		mine.err = fsync()
	})
	return mine.err
}
