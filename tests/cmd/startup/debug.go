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
	reserved  *cluster.Ports
}

// reserveDebug reserves n addresses, none with the port of one of used.
func reserveDebug(n int, used []string) (d debugPorts, err error) {
	if d.reserved, err = cluster.ReservePorts(); err != nil {
		return debugPorts{}, err
	}
	for len(d.addresses) < n {
		one, err := d.reserved.Take(1)
		if err != nil {
			return debugPorts{}, errors.Join(err, d.release())
		}
		if !slices.ContainsFunc(used, func(address string) bool { return port(address) == port(one[0]) }) {
			d.addresses = append(d.addresses, one[0])
		}
	}
	return d, nil
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address) // the address was made here
	return port
}

func (d debugPorts) release() error { return d.reserved.Release() }
