package uploads

import (
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gostore/chapter7/dataservice/objects"
	"gostore/chapter7/rs"
	"gostore/common/httpd"
)

const (
	// reservation is how long a part cannot be claimed after a request that appended to it: its owner is
	// about to send a checkpoint, and then more. It is short, since the owner may have died.
	reservation = 5 * time.Second
	// bodyTimeout is for an API service that waits for its client, and sees to its timeout.
	bodyTimeout = 30 * time.Minute
	// maxState is more than an API service puts into a record: a stripe and the table of an object of
	// 500 GB, in base64.
	maxState = 16 << 20
)

// Handler answers for /uploads/ID.N. Errors are 404 for a part that there is not, 409 for an epoch that is
// not that of the last claim, and 423 for a part that another request uses.
func Handler(us *Uploads) http.Handler {
	return httpd.Methods{
		http.MethodGet:    us.get,
		http.MethodPost:   us.alone(us.answerClaim),
		http.MethodPatch:  us.alone(us.append),
		http.MethodPut:    us.alone(us.answerCheckpoint),
		http.MethodDelete: us.alone(us.drop),
	}
}

// alone has one request at a time use a part.
func (us *Uploads) alone(do func(w http.ResponseWriter, r *http.Request, p *part, epoch int64) error) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, err := objects.NameOf(r)
		if err != nil {
			return err
		}
		epoch, err := httpd.Number(r, "epoch", 0, math.MaxInt64)
		if err != nil {
			return err
		}
		p, err := us.take(name, r.URL.Query().Has("new"))
		if err != nil {
			return err
		}
		defer us.release(p)
		return do(w, r, p, epoch)
	}
}

func errUnknown() error { return httpd.Errorf(http.StatusNotFound, "there is no such upload here") }

func errInUse() error { return httpd.Errorf(http.StatusLocked, "another request uses the upload") }

func errSuperseded() error {
	return httpd.Errorf(http.StatusConflict, "another API service has claimed the upload")
}

func (us *Uploads) get(w http.ResponseWriter, r *http.Request) error {
	name, err := objects.NameOf(r)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(us.path, name))
	if err != nil {
		return errUnknown()
	}
	defer f.Close() // opened for reading
	return objects.Send(w, r, f)
}

// answerClaim claims nothing with epoch 0. The header Epoch of the answer is the number of the claim before.
func (us *Uploads) answerClaim(w http.ResponseWriter, _ *http.Request, p *part, epoch int64) error {
	before := p.record.epoch
	switch {
	case time.Now().Before(p.reserved):
		return errInUse()
	case epoch > 0 && epoch <= before:
		return errSuperseded()
	}
	state, err := us.read(p)
	if err == nil && epoch > 0 {
		err = us.claim(p, epoch, state)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Epoch", strconv.FormatInt(before, 10))
	_, err = w.Write(state)
	return err
}

// append uses the part as long as bytes come, so that nobody else can claim it.
func (us *Uploads) append(w http.ResponseWriter, r *http.Request, p *part, epoch int64) error {
	if epoch != p.record.epoch {
		return errSuperseded()
	}
	f, err := os.OpenFile(us.file(p), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, httpd.NewBodyWithin(w, r, bodyTimeout))
	if err = errors.Join(err, f.Close()); err == nil {
		p.reserved = time.Now().Add(reservation)
	}
	return err
}

// answerCheckpoint with the parameter new begins a part, in place of one of an earlier claim. With last, the
// part can be claimed at once.
func (us *Uploads) answerCheckpoint(w http.ResponseWriter, r *http.Request, p *part, epoch int64) error {
	query := r.URL.Query()
	if epoch != p.record.epoch && (!query.Has("new") || epoch < p.record.epoch) {
		return errSuperseded()
	}
	length, err := httpd.Number(r, "length", 0, math.MaxInt64)
	if err != nil {
		return err
	}
	next := record{epoch, length, none}
	if query.Has("content") {
		next.content = query.Get("content") + filepath.Ext(p.name)
		if _, _, err := rs.ParseName(next.content); err != nil {
			return err
		}
	}
	state, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxState))
	if err != nil {
		return err
	}
	if query.Has("last") {
		p.reserved = time.Time{}
	}
	return us.checkpoint(p, next, state)
}

func (us *Uploads) drop(_ http.ResponseWriter, _ *http.Request, p *part, epoch int64) error {
	if epoch < p.record.epoch {
		return errSuperseded()
	}
	return us.remove(p)
}
