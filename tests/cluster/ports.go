package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Ports are reserved in blocks below the range that kernels use for outgoing connections, so that a
// restarted service finds its port free.
const (
	firstPort = 20000
	blockSize = 20
	blocks    = 500
)

// Ports are free loopback ports. All processes that use this package reserve them.
type Ports struct {
	next, end int
	lock      *os.File
}

// ReservePorts reserves 20 ports until Release or the end of this process.
func ReservePorts() (*Ports, error) {
	cache, err := os.UserCacheDir() // one for all runs, whatever their TMPDIR
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "gostore-ports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for block := range blocks {
		lock, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(block)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			first := firstPort + block*blockSize
			return &Ports{first, first + blockSize, lock}, nil
		}
		_ = lock.Close() // reserved by another process
	}
	return nil, fmt.Errorf("all %d blocks of ports are taken", blocks)
}

// Take returns n loopback addresses that are not in use.
func (p *Ports) Take(n int) ([]string, error) {
	var taken []string
	for ; p.next < p.end && len(taken) < n; p.next++ {
		address := fmt.Sprintf("127.0.0.1:%d", p.next)
		if tryListen(address) == nil { // otherwise used by a program without a reservation
			taken = append(taken, address)
		}
	}
	if len(taken) < n {
		return nil, fmt.Errorf("want %d free ports, %d are left in this block", n, len(taken))
	}
	return taken, nil
}

// tryListen listens briefly. No process may be forked in that time: until its exec it would hold a
// copy of the listener and keep the port in use.
func tryListen(address string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// Release ends the reservation.
func (p *Ports) Release() error { return p.lock.Close() }
