// Package objects serves objects over HTTP: each is a file of its name.
//
//	PUT      /objects/NAME   stores the body under NAME and replaces what had the name
//	GET/HEAD /objects/NAME   answers with it
package objects

import (
	"net/http"

	"gostore/common/files"
	"gostore/common/httpd"
	"gostore/common/names"
)

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
