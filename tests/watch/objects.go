package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"time"
)

const (
	maxRead     = 5000 // versions that are read of a store that has more
	maxNames    = 100  // that are shown
	maxVersions = 20   // of each name: the newest
	// lag is how long the list may miss what a request has changed: a search in Elasticsearch sees a
	// document after the next refresh.
	lag = 2500 * time.Millisecond
)

// object is a name with its versions.
type object struct {
	Name     string    `json:"name"`
	Versions []version `json:"versions"` // oldest first; one without number and hash before chapter 3
}

// version is one version of an object, as GET /versions/ has it.
type version struct {
	Name    string `json:"-"`
	Version int64  `json:"version"`
	Size    int64  `json:"size"`
	Hash    string `json:"hash"` // base64; empty for a delete marker
}

// listing is the event.
type listing struct {
	Objects []object `json:"objects"`
	More    bool     `json:"more"` // there are objects that are not shown
}

// objects is the list of a stream. It is read again after requests that may have changed it.
type objects struct {
	now, sent *listing
	until     time.Time // the end of the last change's lag
	at        time.Time // of the last reading
	asked     bool
}

// due reports whether it is time to list, after these lines of the logs.
func (o *objects) due(lines []line) bool {
	for _, l := range lines {
		if l.Method != "" && l.Method != http.MethodGet && l.Method != http.MethodHead {
			o.until = time.Now().Add(lag)
		}
	}
	return !o.asked || time.Now().Before(o.until) && time.Since(o.at) > lag/4
}

// list reads the list. It stays as it is while the store cannot be asked.
func (o *objects) list(ctx context.Context, s *stream) {
	o.at = time.Now()
	read := s.page.listFiles
	if s.page.has.Versions {
		read = s.listVersions
	}
	if found, err := read(ctx); err == nil {
		o.now, o.asked = found, true
	}
}

// changed returns the list if it is not what was sent.
func (o *objects) changed() *listing {
	if o.now == nil || reflect.DeepEqual(o.now, o.sent) {
		return nil
	}
	o.sent = o.now
	return o.now
}

func (s *stream) listVersions(ctx context.Context) (found *listing, err error) {
	err = s.ask(ctx, "/versions/", func(body io.Reader) error {
		found = versionsIn(body)
		return nil
	})
	return found, err
}

func versionsIn(body io.Reader) *listing {
	found, decoder := &listing{Objects: []object{}}, json.NewDecoder(body)
	for range maxRead {
		var next struct {
			Name string
			version
		}
		if err := decoder.Decode(&next); err != nil {
			return found // the end, most likely
		}
		found.add(next.Name, next.version)
	}
	found.More = true
	return found
}

// add expects all versions of a name in a row.
func (l *listing) add(name string, v version) {
	if last := len(l.Objects) - 1; last >= 0 && l.Objects[last].Name == name {
		versions := append(l.Objects[last].Versions, v)
		l.Objects[last].Versions = versions[max(0, len(versions)-maxVersions):]
		return
	}
	if len(l.Objects) == maxNames {
		l.More = true
		return
	}
	l.Objects = append(l.Objects, object{name, []version{v}})
}

// listFiles finds the objects of a chapter whose files have their names.
func (p *Page) listFiles(context.Context) (*listing, error) {
	sizes := map[string]int64{}
	found := &listing{Objects: []object{}}
	for _, process := range p.cfg.Cluster.All() {
		if process.Root == "" {
			continue
		}
		files, more := list(filepath.Join(process.Root, "objects"))
		found.More = found.More || more
		for _, file := range files {
			name, err := url.PathUnescape(file.Name())
			if info, failed := file.Info(); err == nil && failed == nil {
				sizes[name] = info.Size()
			}
		}
	}
	for name, size := range sizes {
		found.Objects = append(found.Objects, object{name, []version{{Size: size}}})
	}
	slices.SortFunc(found.Objects, func(a, b object) int { return cmp.Compare(a.Name, b.Name) })
	if len(found.Objects) > maxNames {
		found.Objects, found.More = found.Objects[:maxNames], true
	}
	return found, nil
}
