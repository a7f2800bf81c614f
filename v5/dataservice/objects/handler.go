// Package objects serves shards over HTTP: each is a file of its object's hash, in hexadecimal, and
// its number.
//
//	GET  /objects/HASH.N?from=OFFSET   answers with the shard file from a byte on
//	PUT  /objects/HASH.N               keeps one, durably, if it is not there already
//	POST /objects/HASH.N               looks whether all of it is right: 404 if not
//
// PUT is for shards of objects so small that the API service has looked at all of one before it asks;
// those of others come in two phases, see package temp.
package objects

import (
	"net/http"
	"os"

	"gostore/chapter5/rs"
	"gostore/common/files"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Store holds shards; see package store.
type Store interface {
	Open(name string) (*os.File, int64, error)
	ReadDirect(f *os.File, from int64) *files.Direct
	Check(name string) error
	Create() (*files.Temp, error)
	Commit(t *files.Temp, name string) error
}

type handler struct {
	store Store
}

// Handler answers for /objects/HASH.N.
func Handler(store Store) http.Handler {
	h := &handler{store}
	return httpd.Methods{http.MethodGet: h.get, http.MethodPut: h.put, http.MethodPost: h.check}
}

// shardOf returns the name of the shard in a request's path.
func shardOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		_, _, err = rs.ParseName(name)
	}
	if err != nil {
		return "", httpd.Errorf(http.StatusBadRequest, "%v", err)
	}
	return name, nil
}
