package cluster

import (
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first start of a process does not count: package os then clones itself, without the lock, to see whether
// the kernel has pidfds.
func TestPortsAreFreeWhileProcessesStart(t *testing.T) {
	_ = exec.Command(os.Args[0], "-test.run=^$").Run() // only its start matters
	ports, err := ReservePorts()
	require.NoError(t, err)
	defer func() { require.NoError(t, ports.Release()) }()
	addresses, err := ports.Take(1)
	require.NoError(t, err)
	var done atomic.Bool
	var starting sync.WaitGroup
	for range 2 {
		starting.Go(func() {
			for !done.Load() {
				_ = exec.Command(os.Args[0], "-test.run=^$").Run() // only its start matters
			}
		})
	}
	for range 1000 {
		if err = checkFree(addresses); err != nil {
			break
		}
	}
	done.Store(true)
	starting.Wait()
	require.NoError(t, err)
}
