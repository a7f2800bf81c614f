//go:build !linux

package main

// spread has no effect on systems other than Linux.
func spread(string) {}
