//go:build race

package cluster

// raceEnabled is whether tests, and so the services, are built with the race detector.
const raceEnabled = true
