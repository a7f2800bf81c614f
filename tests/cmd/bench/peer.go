package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"gostore/tests/cluster"
)

// peer is what another store to compare with needs: its program, ports, and a group for its processes.
type peer struct {
	program string
	ports   *cluster.Ports
	group   *cluster.Group
}

// newPeer looks for the program that a flag names. The caller stops the peer.
func newPeer(flag, name string) (*peer, error) {
	program, err := exec.LookPath(name)
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	ports, err := cluster.ReservePorts()
	if err != nil {
		return nil, err
	}
	group, err := cluster.NewGroup()
	if err != nil {
		return nil, errors.Join(err, ports.Release())
	}
	return &peer{program, ports, group}, nil
}

func (p *peer) stop() error { return errors.Join(p.group.Stop(), p.ports.Release()) }
