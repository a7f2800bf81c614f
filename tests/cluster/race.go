//go:build race

package cluster

// raceEnabled has the services built with the race detector when the tests are.
const raceEnabled = true
