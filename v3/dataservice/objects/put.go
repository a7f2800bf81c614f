package objects

import (
	"net/http"

	"gostore/common/files"
	"gostore/common/httpd"
)

// put streams the body to disk and answers 200 once it is durable, or 507 before it takes a byte of
// a body for which there is no room. Of two concurrent PUTs of one name the one that ends last
// wins, whole.
func put(dir *files.Dir, w http.ResponseWriter, r *http.Request) error {
	file, err := fileOf(r)
	if err != nil {
		return err
	}
	return dir.Save(file, httpd.NewBodyWithin(w, r, peerTimeout), r.ContentLength)
}
