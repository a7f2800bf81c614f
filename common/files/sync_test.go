package files

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// moment is when a sync began, told as its error.
type moment int64

func (m moment) Error() string { return fmt.Sprint(int64(m)) }

// TestSharedSyncBeginsAfterTheCall has many callers at once: none is served by a sync that began before its
// call, which would not see what the caller did. There are fewer syncs than calls.
func TestSharedSyncBeginsAfterTheCall(t *testing.T) {
	var s sharedSync
	var clock, syncs atomic.Int64
	var calling sync.WaitGroup
	for range 16 {
		calling.Go(func() {
			for range 100 {
				before := clock.Add(1)
				err := s.do(func() error {
					began := moment(clock.Add(1))
					syncs.Add(1)
					time.Sleep(time.Microsecond) // what a disk takes
					return began
				})
				if began, ok := err.(moment); !ok || int64(began) <= before {
					t.Errorf("called at %d, served by a sync that began at %v", before, err)
				}
			}
		})
	}
	calling.Wait()
	require.Less(t, syncs.Load(), int64(16*100/2))
}

func TestCommitsWithSharedSyncs(t *testing.T) {
	root := t.TempDir()
	d, err := Open(root)
	require.NoError(t, err)
	defer d.Close()
	d.ShareSyncs()
	var committing sync.WaitGroup
	for i := range 20 {
		committing.Go(func() {
			f, err := d.Create(1)
			if err == nil {
				err = f.Commit(fmt.Sprint(i))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	committing.Wait()
	entries, err := os.ReadDir(filepath.Join(root, "objects"))
	require.NoError(t, err)
	require.Len(t, entries, 20)
}
