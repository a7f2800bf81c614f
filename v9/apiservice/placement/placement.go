// Package placement says where new content goes.
package placement

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// Order returns the addresses of data services in the order in which they are to take a content, best
// first. It is a rendezvous hash (highest random weight; Thaler and Ravishankar, 1996): every API
// service computes the same order without asking another, so equal content that is put through
// several of them at once meets at one data service; content spreads evenly; and when a service comes
// or goes, the order of the others stays the same.
func Order(content string, addresses []string) []string {
	return slices.SortedFunc(slices.Values(addresses), func(a, b string) int {
		return bytes.Compare(weight(content, b), weight(content, a))
	})
}

func weight(content, address string) []byte {
	sum := sha256.Sum256([]byte(content + " " + address))
	return sum[:]
}
