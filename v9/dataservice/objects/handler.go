// Package objects serves shards over HTTP: each is a file of its object's hash and its number.
//
//	GET    /objects/NAME?from=FIRST&to=END answers with the bytes of the file before END; NAME is HASH.N
//	GET    /objects/NAME?from=-N&to=END    answers with its last N bytes
//	PUT    /objects/NAME                   stores the body, a whole shard, and answers for how long the caller may rely on it
//	POST   /objects/NAME                   verifies it from end to end: 404 if it is missing, corrupt or unreadable
//	DELETE /objects/NAME                   quarantines it
package objects

import (
	"net/http"
	"time"

	"gostore/chapter9/buffers"
	"gostore/chapter9/dataservice/store"
	"gostore/chapter9/rs"
	"gostore/common/httpd"
	"gostore/common/names"
)

// peerTimeout is how long an API service may take nothing. It gives its own client minutes, and ends
// this request when it gives the client up; so the timeout only notices a peer whose machine is down.
const peerTimeout = 30 * time.Minute

type handler struct {
	store *store.Store
	whole *buffers.Pool // for shards that come with one request
}

// Handler answers for /objects/NAME.
func Handler(store *store.Store) http.Handler {
	h := &handler{store, buffers.New(maxWhole)}
	return httpd.Methods{http.MethodGet: h.get, http.MethodPut: h.put, http.MethodPost: h.check, http.MethodDelete: h.quarantine}
}

// NameOf returns the name of the file that a request is for.
func NameOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		_, _, err = rs.ParseName(name)
	}
	return name, err
}
