// Package maintenance is what an API service needs of a data service to maintain the store: to know what there
// is, to have it checked, and to remove what no version names. Package gostore/chapter8/apiservice/maintenance
// says why that is safe.
//
//	GET    /maintenance/?after=NAME&n=N                    lists N shards after NAME, a name a line; the header Clock tells the time
//	GET    /maintenance/NAME?rate=R                        verifies a shard, reading R bytes a second; the header Encoding is missing if it is corrupt
//	POST   /maintenance/NAME                               claims it, and answers for how long
//	DELETE /maintenance/NAME?decided=CLOCK&reason=REASON   removes it, 409 if it was claimed or stored of late
//	DELETE /maintenance/                                   removes what was quarantined more than a day ago
//
// Answers have the header Bytes: how many were read, or removed.
package maintenance

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gostore/chapter8/dataservice/objects"
	"gostore/chapter8/dataservice/store"
	"gostore/chapter8/dataservice/uploads"
	"gostore/common/files"
	"gostore/common/httpd"
)

const (
	// maxList is how many names an answer has at most.
	maxList = 10_000
	// quarantineAge is how long an operator can look at what was quarantined.
	quarantineAge = 24 * time.Hour
)

type handler struct {
	content *store.Store
	uploads *uploads.Uploads
	log     *slog.Logger
}

// Handler answers for /maintenance/.
func Handler(content *store.Store, uploads *uploads.Uploads, log *slog.Logger) http.Handler {
	h := &handler{content, uploads, log}
	return httpd.Methods{http.MethodGet: h.get, http.MethodPost: h.claim, http.MethodDelete: h.remove}
}

func (h *handler) get(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != "/maintenance/" {
		return h.scrub(w, r)
	}
	n, err := httpd.Number(r, "n", 1, maxList)
	if err != nil {
		return err
	}
	w.Header().Set("Clock", h.content.Clock()) // before the list
	names, err := h.content.List(r.URL.Query().Get("after"), int(n))
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := io.WriteString(w, name+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (h *handler) scrub(w http.ResponseWriter, r *http.Request) error {
	name, err := objects.NameOf(r)
	if err != nil {
		return err
	}
	rate, err := httpd.Number(r, "rate", 1, 1<<62)
	if err != nil {
		return err
	}
	read, encoding, err := h.content.Scrub(r.Context(), name, rate)
	w.Header().Set("Bytes", strconv.FormatInt(read, 10))
	switch {
	case errors.Is(err, files.ErrGone) || errors.Is(err, fs.ErrNotExist):
		return orNotFound(err)
	case err != nil: // it is corrupt, or cannot be read
		h.log.WarnContext(r.Context(), "a shard is corrupt", "name", name, "error", err)
	default:
		w.Header().Set("Encoding", encoding.Hex())
	}
	return nil
}

func orNotFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return httpd.Errorf(http.StatusNotFound, "there is no such shard")
	}
	return err
}

func (h *handler) claim(w http.ResponseWriter, r *http.Request) error {
	name, err := objects.NameOf(r)
	if err != nil {
		return err
	}
	age, err := h.content.Claim(name)
	if err != nil {
		return orNotFound(err)
	}
	_, err = io.WriteString(w, age.String())
	return err
}

// remove says in the log what is gone, and why.
func (h *handler) remove(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path == "/maintenance/" {
		return h.sweep()
	}
	name, err := objects.NameOf(r)
	if err != nil {
		return err
	}
	if h.uploads.Needs(name) {
		return httpd.Errorf(http.StatusConflict, "an upload may be about to add a version of it")
	}
	query := r.URL.Query()
	size, err := h.content.Remove(name, query.Get("decided"))
	if errors.Is(err, store.ErrInUse) {
		return httpd.Errorf(http.StatusConflict, "%v", err)
	}
	if err != nil {
		return orNotFound(err)
	}
	h.log.InfoContext(r.Context(), "removed", "name", name, "bytes", size, "reason", strings.ToValidUTF8(query.Get("reason"), "?"))
	w.Header().Set("Bytes", strconv.FormatInt(size, 10))
	return nil
}

func (h *handler) sweep() error {
	names, err := h.content.SweepQuarantine(time.Now().Add(-quarantineAge))
	for _, name := range names {
		h.log.Info("removed", "name", name, "reason", "it was quarantined more than a day ago")
	}
	return err
}
