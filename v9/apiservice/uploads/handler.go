// Package uploads has uploads that break off and go on, through any API service: the protocol tus 1.0.0
// (https://tus.io/protocols/resumable-upload) with its extensions creation, creation-with-upload,
// expiration and termination.
//
//	POST    /objects/NAME   begins an upload; the answer's Location is /uploads/ID
//	HEAD    /uploads/ID     answers with the offset from which to go on
//	PATCH   /uploads/ID     appends the body at that offset; the last byte adds the version
//	DELETE  /uploads/ID     ends the upload and leaves nothing
//	OPTIONS                 says what is supported
package uploads

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"time"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/heartbeat"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/maintenance"
	"gostore/chapter9/apiservice/objectstream"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
)

const (
	contentType = "application/offset+octet-stream"
	// lockTimeout is how long HEAD waits for a request that uses the upload: longer than the connection
	// of a client that is gone stays open.
	lockTimeout = 20 * time.Second
	lockPoll    = 100 * time.Millisecond
	// maxClaiming is how many uploads are claimed at the same time: six records are in memory of each.
	maxClaiming = 8
)

// Service answers requests of uploads. Its methods may be called by several goroutines at once.
type Service struct {
	locator      *locate.Locator
	dataServices *heartbeat.Monitor
	streams      *objectstream.Client
	codec        *erasure.Codec
	versions     *maintenance.Versions
	age          time.Duration
	claiming     chan struct{} // a semaphore
}

// New returns a service. Data services remove uploads that are not used for age.
func New(locator *locate.Locator, dataServices *heartbeat.Monitor, streams *objectstream.Client, codec *erasure.Codec, versions *maintenance.Versions, age time.Duration) *Service {
	return &Service{locator, dataServices, streams, codec, versions, age, make(chan struct{}, maxClaiming)}
}

// Creation has the methods of /objects/NAME.
func (s *Service) Creation() httpd.Methods {
	return httpd.Methods{http.MethodPost: tus(s.create), http.MethodOptions: options}
}

// Handler answers for /uploads/ID.
func (s *Service) Handler() http.Handler {
	return httpd.Methods{
		http.MethodHead: tus(s.head), http.MethodPatch: tus(s.patch),
		http.MethodDelete: tus(s.delete), http.MethodOptions: options,
	}
}

// create begins an upload. With a body it is a PATCH too.
func (s *Service) create(w http.ResponseWriter, r *http.Request) error {
	first, err := announced(r)
	if err != nil {
		return err
	}
	var id hash.Hash
	_, _ = rand.Read(id[:]) // never fails
	ctx := context.WithoutCancel(r.Context())
	u, err := s.begin(ctx, id, first)
	if err != nil {
		return err
	}
	// Relative, so that no header of the request, or of a proxy, decides where it leads.
	w.Header().Set("Location", "/uploads/"+id.Hex())
	if r.Header.Get("Content-Type") == contentType {
		err = u.append(ctx, httpd.NewBody(w, r), r.ContentLength)
	} else if u.Size == 0 {
		err = u.finish(ctx)
	}
	if err != nil {
		return err
	}
	s.describe(w, u)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (s *Service) describe(w http.ResponseWriter, u *upload) {
	w.Header().Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	w.Header().Set("Upload-Expires", time.Now().Add(s.age).UTC().Format(http.TimeFormat))
	if u.Version > 0 {
		w.Header().Set("X-Object-Version", strconv.FormatInt(u.Version, 10))
	}
}

func (s *Service) head(w http.ResponseWriter, r *http.Request) error {
	u, err := s.of(r, lockTimeout)
	if err != nil {
		return err
	}
	s.describe(w, u)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Upload-Length", strconv.FormatInt(u.Size, 10))
	if u.UploadMetadata != "" {
		w.Header().Set("Upload-Metadata", u.UploadMetadata)
	}
	return nil
}

// patch keeps what has come of a body that breaks off, so it goes on when the client has left.
func (s *Service) patch(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Content-Type") != contentType {
		return httpd.Errorf(http.StatusUnsupportedMediaType, "send Content-Type: %s", contentType)
	}
	offset, err := strconv.ParseUint(r.Header.Get("Upload-Offset"), 10, 63)
	if err != nil {
		return httpd.Errorf(http.StatusBadRequest, "header Upload-Offset: %.40q is not a number of bytes", r.Header.Get("Upload-Offset"))
	}
	u, err := s.of(r, 0)
	if err != nil {
		return err
	}
	if int64(offset) != u.Offset {
		err := httpd.Errorf(http.StatusConflict, "the upload has %d bytes: go on from there", u.Offset)
		err.Header = http.Header{"Upload-Offset": {strconv.FormatInt(u.Offset, 10)}}
		return err
	}
	if err := u.append(context.WithoutCancel(r.Context()), httpd.NewBody(w, r), r.ContentLength); err != nil {
		return err
	}
	s.describe(w, u)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) delete(w http.ResponseWriter, r *http.Request) error {
	u, err := s.of(r, lockTimeout)
	if err != nil {
		return err
	}
	u.parts.Drop(context.WithoutCancel(r.Context()))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// of claims the upload that a request is for. It waits so long for another request that uses it.
func (s *Service) of(r *http.Request, timeout time.Duration) (*upload, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	id, err := hash.ParseHex(name)
	if err != nil {
		return nil, errUnknown()
	}
	for start := time.Now(); ; {
		u, err := s.claim(context.WithoutCancel(r.Context()), id)
		if !errors.Is(err, errInUse) || time.Since(start) >= timeout || r.Context().Err() != nil {
			return u, err
		}
		time.Sleep(lockPoll)
	}
}
