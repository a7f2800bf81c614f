// Package temp takes in content in two phases: it is written to a file that is not visible, and then
// committed or dropped.
//
//	POST   /temp/NAME   (header Size) begins an upload and answers with its ID, or 507 if there is no room
//	PATCH  /temp/ID     appends the body
//	PUT    /temp/ID     commits: the content is durable and visible to GET /objects/NAME
//	DELETE /temp/ID     drops it
//
// The API service, which sees the whole content, verifies that it has its hash and commits only what
// does. An upload that is not used for half an hour is dropped, and so is every upload when the service
// stops: resuming one is chapter 6's idea.
package temp

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"gostore/chapter9/dataservice/store"
	"gostore/common/files"
	"gostore/common/httpd"
)

const (
	lifetime = 30 * time.Minute // of an upload that is not used
	sweep    = time.Minute      // from one search for such uploads to the next
)

// Uploads are those in progress. Its methods may be called by several goroutines at once.
type Uploads struct {
	store *store.Store

	mu   sync.Mutex
	byID map[string]*upload
}

// upload is used by one request at a time, the one that took it out of Uploads.
type upload struct {
	name    string
	size    int64 // bytes announced, at most
	written int64 // bytes received
	file    *files.Temp
	used    time.Time
}

// NewUploads returns no uploads yet. They are committed to store.
func NewUploads(store *store.Store) *Uploads {
	return &Uploads{store: store, byID: map[string]*upload{}}
}

// put makes an upload available under an ID.
func (us *Uploads) put(id string, u *upload) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u.used = time.Now()
	us.byID[id] = u
}

func (us *Uploads) begin(name string, size int64) (id string, err error) {
	file, err := us.store.Create(size)
	if err != nil {
		return "", err
	}
	id = uuid.NewString()
	us.put(id, &upload{name: name, size: size, file: file})
	return id, nil
}

// take removes an upload from those in progress. Another request with its ID finds none meanwhile.
func (us *Uploads) take(id string) (*upload, error) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u, there := us.byID[id]
	if !there {
		return nil, httpd.Errorf(http.StatusNotFound, "there is no such upload, or it is in use")
	}
	delete(us.byID, id)
	return u, nil
}

// Sweep drops uploads that are not used, until ctx is done.
func (us *Uploads) Sweep(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, u := range us.takeOld(time.Now().Add(-lifetime)) {
				if err := u.file.Drop(); err != nil {
					log.Warn("an old upload cannot be dropped", "error", err)
				}
			}
		}
	}
}

func (us *Uploads) takeOld(before time.Time) (old []*upload) {
	us.mu.Lock()
	defer us.mu.Unlock()
	for id, u := range us.byID {
		if u.used.Before(before) {
			delete(us.byID, id)
			old = append(old, u)
		}
	}
	return old
}
