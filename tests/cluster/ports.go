package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Ports are given out in blocks below the range that kernels take for outgoing connections, so that
// a service that is restarted finds its port free.
const (
	firstPort = 20000
	blockSize = 20
	blocks    = 500
)

// Ports are free loopback ports, reserved among all processes that ask here.
type Ports struct {
	next, end int
	lock      *os.File
}

// ReservePorts reserves some 20 ports until Release or the end of this process.
func ReservePorts() (*Ports, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("gostore-ports-%d", os.Getuid()))
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
		_ = lock.Close() // somebody else's
	}
	return nil, fmt.Errorf("all %d blocks of ports are taken", blocks)
}

// Take returns n addresses on loopback that nobody listens on.
func (p *Ports) Take(n int) ([]string, error) {
	var taken []string
	for ; p.next < p.end && len(taken) < n; p.next++ {
		address := fmt.Sprintf("127.0.0.1:%d", p.next)
		if tryListen(address) == nil { // else there is a server that did not ask here
			taken = append(taken, address)
		}
	}
	if len(taken) < n {
		return nil, fmt.Errorf("%d free ports wanted, %d left in this block", n, len(taken))
	}
	return taken, nil
}

// tryListen listens for a moment. No process is begun in that moment: it would have the listener too,
// until it is another program, and keep the port in use while we take it for free.
func tryListen(address string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// Release gives the ports back.
func (p *Ports) Release() error { return p.lock.Close() }
