//go:build !race

package cluster

// RaceEnabled is whether tests, and so the services, are built with the race detector.
const RaceEnabled = false
