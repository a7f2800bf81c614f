// Package objects serves content over HTTP: each is a file of its hash.
//
//	GET /objects/HASH   answers with the content, verified; HASH is hexadecimal
package objects

import (
	"net/http"
	"os"

	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Store holds content; see package store.
type Store interface {
	Open(name string) (*os.File, int64, error)
	SetAside(name string, f *os.File) error
}

type handler struct {
	store Store
}

// Handler answers for /objects/HASH.
func Handler(store Store) http.Handler {
	h := &handler{store}
	return httpd.Methods{http.MethodGet: h.get}
}

// hashOf returns the hash in a request's path.
func hashOf(r *http.Request) (hash.Hash, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return hash.Hash{}, err
	}
	return hash.ParseHex(name)
}
