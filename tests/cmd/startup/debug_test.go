package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDebugPorts reserves more than a block has, twice, and none that a service listens on.
func TestDebugPorts(t *testing.T) {
	const n = 30
	var used []string
	for range 3 {
		d, err := reserveDebug(n, used)
		require.NoError(t, err)
		require.Len(t, d.addresses, n)
		for _, address := range d.addresses {
			require.NotContains(t, used, address)
		}
		if used == nil {
			require.NoError(t, d.release()) // the next ones find them free
		} else {
			defer func() { require.NoError(t, d.release()) }()
		}
		used = append(used, d.addresses...)
	}
}
