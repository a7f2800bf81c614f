// Package temp takes in shards in two phases: it is written to a file that nobody can see, and then
// committed, or dropped.
//
//	POST   /temp/HASH.N (header Size) begins an upload and answers with its ID
//	PATCH  /temp/ID     appends the body
//	PUT    /temp/ID     commits: the shard is durable, and there for GET /objects/HASH.N
//	DELETE /temp/ID     drops it
//
// Whether the content has its hash is for the API service to say, which sees all of it: it commits
// only what does. An upload that nobody touches for half an hour is dropped, and so are all when the
// service stops: in chapter 6 one can be gone on with.
package temp

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"gostore/common/files"
	"gostore/common/httpd"
)

const (
	lifetime = 30 * time.Minute // of an upload that nobody touches
	sweep    = time.Minute      // from one look for such uploads to the next
)

// Store keeps what is committed; see package store.
type Store interface {
	Create() (*files.Temp, error)
	Commit(t *files.Temp, name string) error
}

// Uploads are those under way. Its methods may be called by several goroutines at once.
type Uploads struct {
	store Store

	mu   sync.Mutex
	byID map[string]*upload
}

// upload is used by one request at a time: whoever takes it out of Uploads has it.
type upload struct {
	name    string // of the shard
	size    int64  // bytes that there will be
	written int64  // bytes that there are
	file    *files.Temp
	touched time.Time
}

// NewUploads returns no uploads yet; they go to store.
func NewUploads(store Store) *Uploads {
	return &Uploads{store: store, byID: map[string]*upload{}}
}

// put makes an upload available under an ID.
func (us *Uploads) put(id string, u *upload) {
	us.mu.Lock()
	defer us.mu.Unlock()
	u.touched = time.Now()
	us.byID[id] = u
}

func (us *Uploads) begin(name string, size int64) (id string, err error) {
	file, err := us.store.Create()
	if err != nil {
		return "", err
	}
	id = uuid.NewString()
	us.put(id, &upload{name: name, size: size, file: file})
	return id, nil
}

// take removes an upload from those under way. Another request of the same ID meanwhile finds none.
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

// Sweep drops uploads that nobody touches, until ctx is done.
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
		if u.touched.Before(before) {
			delete(us.byID, id)
			old = append(old, u)
		}
	}
	return old
}
