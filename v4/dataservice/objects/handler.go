// Package objects serves content over HTTP: each is a file of its hash.
//
//	GET    /objects/NAME   answers with the content; NAME is the hash in hexadecimal
//	POST   /objects/NAME   verifies it from end to end: 404 if it is missing, corrupt or unreadable
package objects

import (
	"net/http"
	"time"

	"gostore/chapter4/dataservice/store"
	"gostore/common/hash"
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
	return httpd.Methods{http.MethodGet: h.get, http.MethodPost: h.check}
}

// nameOf returns the name of the file that a request is for.
func nameOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		_, err = hash.ParseHex(name)
	}
	return name, err
}
