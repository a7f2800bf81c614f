package files

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// moment is when a sync began, told as its error.
type moment int64

func (m moment) Error() string { return fmt.Sprint(int64(m)) }

// TestSharedSyncBeginsAfterTheCall has many callers at once: none is served by a sync that began before
// it came, which would not see what the caller did.
func TestSharedSyncBeginsAfterTheCall(t *testing.T) {
	var s sharedSync
	var clock atomic.Int64
	var calling sync.WaitGroup
	for range 16 {
		calling.Go(func() {
			for range 1000 {
				before := clock.Add(1)
				err := s.do(func() error { return moment(clock.Add(1)) })
				if began, ok := err.(moment); !ok || int64(began) <= before {
					t.Errorf("called at %d, served by a sync that began at %v", before, err)
				}
			}
		})
	}
	calling.Wait()
}
