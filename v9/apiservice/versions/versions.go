// Package versions lists the versions of objects.
//
//	GET /versions/NAME   every version of one object
//	GET /versions/       every version of every object
//
// Each is one JSON object on a line, by name and version.
package versions

import (
	"bufio"
	"encoding/json"
	"net/http"

	"gostore/chapter9/apiservice/maintenance"
	"gostore/common/es"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Handler answers for /versions/ and /versions/NAME, however many there are: it streams them.
func Handler(metadata *maintenance.Versions) http.Handler {
	return httpd.Methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
		name, err := nameOf(r)
		if err != nil {
			return err
		}
		return list(metadata, w, r, name)
	}}
}

// nameOf returns "" for all objects.
func nameOf(r *http.Request) (string, error) {
	path := r.URL.EscapedPath()
	if path == "/versions" || path == "/versions/" {
		return "", nil
	}
	return names.FromPath(path)
}

func list(metadata *maintenance.Versions, w http.ResponseWriter, r *http.Request, name string) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := bufio.NewWriter(httpd.Stream(w))
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false) // names are shown unescaped
	some := false
	err := metadata.Each(r.Context(), name, func(m es.Metadata) error {
		some, m.Headers, m.Upload = true, nil, "" // they are for a GET or HEAD of the version, and for uploads
		return encoder.Encode(m)
	})
	if err == nil && !some && name != "" {
		err = es.ErrNotFound
	}
	if err != nil {
		return err
	}
	return lines.Flush()
}
