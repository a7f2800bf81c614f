package objects

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"

	"gostore/common/files"
	"gostore/common/httpd"
)

func get(dir *files.Dir, w http.ResponseWriter, r *http.Request) error {
	file, err := fileOf(r)
	if err != nil {
		return err
	}
	f, size, err := dir.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return httpd.Errorf(http.StatusNotFound, "there is no such object")
	}
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return nil
	}
	return httpd.SendWithin(w, f, size, peerTimeout)
}
