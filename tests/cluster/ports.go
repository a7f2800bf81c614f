package cluster

import (
	"errors"
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
	next, end int        // of the last block
	locks     []*os.File // one a block
}

// ReservePorts reserves ports until Release or the end of this process.
func ReservePorts() (*Ports, error) {
	p := &Ports{}
	return p, p.reserve()
}

// reserve reserves another block.
func (p *Ports) reserve() error {
	cache, err := os.UserCacheDir() // one for all runs, whatever their TMPDIR
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "gostore-ports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for block := range blocks {
		lock, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(block)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			p.next = firstPort + block*blockSize
			p.end, p.locks = p.next+blockSize, append(p.locks, lock)
			return nil
		}
		_ = lock.Close() // reserved by another process
	}
	return fmt.Errorf("all %d blocks of ports are taken", blocks)
}

// Take returns n loopback addresses that are not in use.
func (p *Ports) Take(n int) (taken []string, err error) {
	for ; len(taken) < n; p.next++ {
		if p.next == p.end {
			if err := p.reserve(); err != nil {
				return nil, err
			}
		}
		address := fmt.Sprintf("127.0.0.1:%d", p.next)
		if tryListen(address) == nil { // otherwise used by a program without a reservation
			taken = append(taken, address)
		}
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
func (p *Ports) Release() error {
	var errs []error
	for _, lock := range p.locks {
		errs = append(errs, lock.Close())
	}
	return errors.Join(errs...)
}
