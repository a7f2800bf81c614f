package elastic

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"encoding/json"
)

// maxPITs bounds the points in time that are open: each keeps old pages of the database from being
// used again.
const maxPITs = 500

const maxKeepAlive = 24 * time.Hour

// pit is a point in time: the views that a search had when it was opened.
type pit struct {
	views   []searchable
	keep    time.Duration
	expires time.Time
}

// searchable is an index and what a search sees of it.
type searchable struct {
	idx  *index
	snap *snapshot
}

// acquire needs s.mu. The caller must releaseAll.
func (s *store) acquire(indices []*index) (list []searchable) {
	for _, idx := range indices {
		if snap := s.visible[idx.UUID]; snap != nil {
			snap.refs++
			list = append(list, searchable{idx, snap})
		}
	}
	return list
}

// releaseAll needs s.mu.
func (s *store) releaseAll(list []searchable) {
	for _, l := range list {
		s.release(l.snap)
	}
}

// views returns what searches see of indices, until done is called.
func (s *store) views(indices []*index) (views []*view, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewsOf(s.acquire(indices))
}

func (s *store) viewsOf(list []searchable) (views []*view, done func()) {
	for i, l := range list {
		if b := l.snap.tx.Bucket([]byte(l.idx.UUID)); b != nil {
			views = append(views, &view{idx: l.idx, bucket: b, ordinal: int64(i)})
		}
	}
	return views, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.releaseAll(list)
	}
}

func (s *Server) openPIT(c *call) (answer, error) {
	if !c.query.Has("keep_alive") {
		return answer{}, &apiError{status: http.StatusInternalServerError, kind: "null_pointer_exception", reason: "[keep_alive] parameter must be non null"}
	}
	keep, err := parseKeepAlive(c.query.Get("keep_alive"))
	if err != nil {
		return answer{}, err
	}
	indices, err := s.store.current().resolve(c.indices(), c.flag("ignore_unavailable"))
	if err != nil {
		return answer{}, err
	}
	id, err := s.store.openPIT(indices, keep)
	return answer{http.StatusOK, map[string]any{"id": id}}, err
}

func parseKeepAlive(text string) (time.Duration, error) {
	keep, err := parseTime(text)
	if err == nil && (keep < 0 || keep > maxKeepAlive) {
		err = illegalArgument("Keep alive for request (%s) is too large", text)
	}
	return keep, err
}

func (s *store) openPIT(indices []*index, keep time.Duration) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pits) >= maxPITs {
		return "", &apiError{status: http.StatusTooManyRequests, kind: "rejected_execution_exception", reason: "too many points in time are open"}
	}
	id := base64.URLEncoding.EncodeToString([]byte(pitMark + rand.Text()))
	s.pits[id] = &pit{views: s.acquire(indices), keep: keep, expires: time.Now().Add(keep)}
	return id, nil
}

// pitMark begins the ids of points in time, so that one that ended can be told from nonsense.
const pitMark = "pit:"

func checkPIT(id string) error {
	decoded, err := base64.URLEncoding.DecodeString(id)
	if err != nil || !strings.HasPrefix(string(decoded), pitMark) {
		return illegalArgument("invalid id: [%s]", id)
	}
	return nil
}

func (s *store) usePIT(id, keepAlive string) (views []*view, done func(), err error) {
	if err := checkPIT(id); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pits[id]
	if p == nil {
		return nil, nil, inSearch(&apiError{status: http.StatusNotFound, kind: "search_context_missing_exception", reason: "No search context found for id [" + id + "]"})
	}
	if keepAlive != "" {
		if p.keep, err = parseKeepAlive(keepAlive); err != nil {
			return nil, nil, err
		}
	}
	p.expires = time.Now().Add(p.keep)
	for _, v := range p.views {
		v.snap.refs++
	}
	views, done = s.viewsOf(p.views)
	return views, done, nil
}

func (s *Server) closePIT(c *call) (answer, error) {
	var body struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil && len(c.body) > 0 {
		return answer{}, badRequest("parse_exception", "%s", err)
	}
	if body.ID == "" {
		return answer{}, illegalArgument("search context id is is not provided")
	}
	if err := checkPIT(body.ID); err != nil {
		return answer{}, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	p := s.store.pits[body.ID]
	if p == nil {
		return answer{http.StatusNotFound, map[string]any{"succeeded": false, "num_freed": 0}}, nil
	}
	s.store.endPIT(body.ID)
	return ok(map[string]any{"succeeded": true, "num_freed": len(p.views)})
}

// endPIT needs s.mu.
func (s *store) endPIT(id string) {
	s.releaseAll(s.pits[id].views)
	delete(s.pits, id)
}

func (s *store) endPITs(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, p := range s.pits {
		if now.After(p.expires) {
			s.endPIT(id)
		}
	}
}
