//go:build !linux

package main

// apart is for a file system of Linux.
func apart(string) {}
