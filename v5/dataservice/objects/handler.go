// Package objects serves shards over HTTP: each is a file of its object's hash, in hexadecimal, and
// its number.
//
//	GET    /objects/HASH.N?from=OFFSET   answers with the shard file from a byte on
//	POST   /objects/HASH.N               looks whether all of it is right: 404 if not
//	DELETE /objects/HASH.N               sets it aside if it is not right, and answers 404
package objects

import (
	"net/http"
	"os"

	"gostore/chapter5/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Store holds shards; see package store.
type Store interface {
	Open(name string) (*os.File, int64, error)
	SetAside(name string, f *os.File) error
}

type handler struct {
	store Store
}

// Handler answers for /objects/HASH.N.
func Handler(store Store) http.Handler {
	h := &handler{store}
	return httpd.Methods{http.MethodGet: h.get, http.MethodPost: h.check, http.MethodDelete: h.setAside}
}

// shardOf returns the shard in a request's path.
func shardOf(r *http.Request) (content hash.Hash, shard int, err error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		content, shard, err = rs.ParseName(name)
	}
	if err != nil {
		err = httpd.Errorf(http.StatusBadRequest, "%v", err)
	}
	return content, shard, err
}
