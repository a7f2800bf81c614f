package files

import (
	"bytes"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
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

// TestSyncThatFailedIsNotForgotten: the kernel tells an error of an earlier sync only once, so the commit must.
func TestSyncThatFailedIsNotForgotten(t *testing.T) {
	d := open(t, t.TempDir())
	temp, err := d.Create()
	require.NoError(t, err)
	require.NoError(t, temp.settle())
	temp.synced <- fs.ErrInvalid
	_, err = temp.Append(bytes.NewReader(make([]byte, 3*behind))) // there are syncs that succeed after it
	require.NoError(t, err)
	require.ErrorIs(t, temp.Commit("a"), fs.ErrInvalid)
	requireHas(t, d, "a", false)
}
