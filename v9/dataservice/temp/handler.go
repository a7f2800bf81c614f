package temp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gostore/chapter9/dataservice/writeback"
	"gostore/chapter9/rs"
	"gostore/common/httpd"
	"gostore/common/names"
)

// Handler answers for /temp/NAME and /temp/ID.
func Handler(us *Uploads) http.Handler {
	return httpd.Methods{
		http.MethodPost:   us.post,
		http.MethodPatch:  us.patch,
		http.MethodPut:    us.commit,
		http.MethodDelete: us.delete,
	}
}

func (us *Uploads) post(w http.ResponseWriter, r *http.Request) error {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if _, _, err := rs.ParseName(name); err != nil {
		return err
	}
	size, err := strconv.ParseUint(r.Header.Get("Size"), 10, 63)
	if err != nil {
		return httpd.Errorf(http.StatusBadRequest, "header Size: %.40q is not a number of bytes", r.Header.Get("Size"))
	}
	id, err := us.begin(name, int64(size))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, id)
	return err
}

// taken takes the upload whose ID is in a request's path out of those in progress.
func (us *Uploads) taken(r *http.Request) (id string, u *upload, err error) {
	id, err = names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return "", nil, err
	}
	u, err = us.take(id)
	return id, u, err
}

// patch drops an upload whose body breaks off or is too long: the API service begins another. The API
// service waits for its client and sees to the client's timeout.
func (us *Uploads) patch(w http.ResponseWriter, r *http.Request) error {
	id, u, err := us.taken(r)
	if err != nil {
		return err
	}
	n, err := u.file.Append(writeback.Reader(httpd.NewBodyWithin(w, r, lifetime)))
	u.written += n
	if err == nil && u.written > u.size {
		err = httpd.Errorf(http.StatusBadRequest, "%d bytes were sent, at most %d announced", u.written, u.size)
	}
	if err != nil {
		return errors.Join(err, u.file.Drop())
	}
	us.put(id, u)
	return nil
}

func (us *Uploads) commit(_ http.ResponseWriter, r *http.Request) error {
	_, u, err := us.taken(r)
	if err != nil {
		return err
	}
	return us.store.Commit(u.file, u.name)
}

func (us *Uploads) delete(w http.ResponseWriter, r *http.Request) error {
	_, u, err := us.taken(r)
	if err != nil {
		return err
	}
	if err := u.file.Drop(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
