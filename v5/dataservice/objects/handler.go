// Package objects serves shards over HTTP: each is a file of its object's hash and its number.
//
//	GET    /objects/NAME   answers with the file from byte ?from on; NAME is HASH.N
//	POST   /objects/NAME   verifies it from end to end: 404 if it is missing, corrupt or unreadable
//	DELETE /objects/NAME   quarantines it
package objects

import (
	"net/http"
	"time"

	"gostore/chapter5/dataservice/store"
	"gostore/chapter5/rs"
	"gostore/common/httpd"
	"gostore/common/names"
)

// peerTimeout is how long an API service may take nothing. It gives its own client minutes, and ends
// this request when it gives the client up; so the timeout only notices a peer whose machine is down.
const peerTimeout = 30 * time.Minute

type handler struct {
	store *store.Store
}

// Handler answers for /objects/NAME.
func Handler(store *store.Store) http.Handler {
	h := &handler{store}
	return httpd.Methods{http.MethodGet: h.get, http.MethodPost: h.check, http.MethodDelete: h.quarantine}
}

// nameOf returns the name of the file that a request is for.
func nameOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		_, _, err = rs.ParseName(name)
	}
	return name, err
}
