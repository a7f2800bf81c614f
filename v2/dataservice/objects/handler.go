// Package objects serves objects over HTTP: each is a file of its name.
//
//	PUT      /objects/NAME   stores the body under NAME and replaces what had the name
//	GET/HEAD /objects/NAME   answers with it
package objects

import (
	"net/http"
	"time"

	"gostore/common/files"
	"gostore/common/httpd"
	"gostore/common/names"
)

// peerTimeout is how long an API service may send or take nothing. It gives its own client minutes,
// and ends this request when it gives the client up; so the timeout only notices a peer whose machine
// is down.
const peerTimeout = 30 * time.Minute

// Handler answers for /objects/NAME with the files of dir.
func Handler(dir *files.Dir) http.Handler {
	return httpd.Methods{
		http.MethodPut: func(w http.ResponseWriter, r *http.Request) error { return put(dir, w, r) },
		http.MethodGet: func(w http.ResponseWriter, r *http.Request) error { return get(dir, w, r) },
	}
}

// fileOf returns the file name of the object that a request's path names.
func fileOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return "", err
	}
	return names.File(name)
}
