package main

import (
	"errors"
	"net"
	"slices"

	"gostore/tests/cluster"
)

// debugPorts are addresses for /metrics, reserved so that another start takes others.
type debugPorts struct {
	addresses []string
	blocks    []*cluster.Ports
}

// reserveDebug reserves n addresses, none with the port of one of used.
func reserveDebug(n int, used []string) (d debugPorts, err error) {
	for len(d.addresses) < n {
		block, err := cluster.ReservePorts()
		if err != nil {
			return debugPorts{}, errors.Join(err, d.release())
		}
		d.blocks = append(d.blocks, block)
		for len(d.addresses) < n {
			one, err := block.Take(1)
			if err != nil {
				break // the next block has more
			}
			if !slices.ContainsFunc(used, func(address string) bool { return port(address) == port(one[0]) }) {
				d.addresses = append(d.addresses, one[0])
			}
		}
	}
	return d, nil
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address) // the address was made here
	return port
}

func (d debugPorts) release() (err error) {
	for _, block := range d.blocks {
		err = errors.Join(err, block.Release())
	}
	return err
}
