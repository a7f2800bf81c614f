package elastic

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// searchRequest is the body of a search.
type searchRequest struct {
	Query struct {
		MatchAll *struct{}           `json:"match_all"`
		Term     map[string]string   `json:"term"`
		Terms    map[string][]string `json:"terms"`
	} `json:"query"`
	Sort []map[string]struct {
		Order string `json:"order"`
	} `json:"sort"`
	After []json.RawMessage `json:"search_after"`
	Size  *int              `json:"size"`
	Total *bool             `json:"track_total_hits"`

	field   string          // that is asked for; empty for all documents
	values  map[string]bool // any of which it must have
	name    string          // if oneName: that is all that is asked for
	oneName bool
	sort    []string // fields
	desc    bool
	after   key
	size    int
	counts  bool // tells how many there are
}

// prepare sets the fields that are not in the body.
func (r *searchRequest) prepare() error {
	r.name, r.oneName = r.Query.Term["name"]
	wanted := r.Query.Terms
	for field, value := range r.Query.Term {
		wanted = map[string][]string{field: {value}}
	}
	for field, values := range wanted {
		r.field, r.values = field, map[string]bool{}
		for _, value := range values {
			r.values[value] = true
		}
	}
	for _, item := range r.Sort {
		for field, how := range item {
			r.sort, r.desc = append(r.sort, field), how.Order == "desc"
		}
	}
	if r.size = 10; r.Size != nil {
		r.size = *r.Size
	}
	r.counts, r.after = r.Total == nil || *r.Total, key{missing, math.MaxInt64}
	switch by := strings.Join(r.sort, ","); {
	case len(r.Query.Term)+len(r.Query.Terms) > 1, r.field != "" && r.Query.MatchAll != nil:
		return unknown("a query with several parts")
	case r.desc && by != "version", by == "version" && !r.oneName, !slices.Contains([]string{"", "name", "name,version", "version"}, by):
		return unknown("how to sort this by [%s]", by)
	case r.size < 0 || r.size > 10_000: // index.max_result_window
		return unknown("a size of %d", r.size)
	case r.After != nil && (r.counts || len(r.After) != len(r.sort)):
		return unknown("search_after with a total, or without as many values as sort")
	}
	for i, value := range r.After {
		if json.Unmarshal(value, map[string]any{"name": &r.after.name, "version": &r.after.version}[r.sort[i]]) != nil {
			return unknown("search_after %s", value)
		}
	}
	return nil
}

// compare compares keys in the order of the search.
func (r *searchRequest) compare(a, b key) (c int) {
	for _, field := range r.sort {
		if field == "name" {
			c = cmp.Or(c, strings.Compare(a.name, b.name))
		} else {
			c = cmp.Or(c, cmp.Compare(a.version, b.version))
		}
	}
	if r.desc {
		return -c
	}
	return c
}

// shown returns the key of a hit as an answer has it.
func (r *searchRequest) shown(k key) (values []any) {
	all := map[string]any{"name": k.name, "version": k.version}
	if k.name == missing {
		all["name"] = nil
	}
	for _, field := range r.sort {
		values = append(values, all[field])
	}
	return values
}

// hit is a document that was found.
type hit struct {
	index *index
	write
}

// search finds documents as of the last refresh of each index.
func (s *Server) search(c *call) (any, error) {
	r := &searchRequest{}
	if err := errors.Join(decode(c.body, r), r.prepare()); err != nil {
		return nil, err
	}
	hits, shards, err := s.store.search(c.PathValue("index"), r)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, h := range hits[:min(len(hits), r.size)] {
		read, err := h.index.log.read(h.at, h.size)
		if err != nil {
			return nil, err
		}
		shown := object{"_index": h.index.name, "_type": "_doc", "_id": read.ID, "_score": 1, "_source": read.Source}
		if r.sort != nil {
			shown["_score"], shown["sort"] = nil, r.shown(h.key)
		}
		list = append(list, shown)
	}
	found := object{"max_score": nil, "hits": list}
	if r.counts {
		found["total"] = object{"value": len(hits), "relation": "eq"}
	}
	return object{"timed_out": false, "hits": found,
		"_shards": object{"total": shards, "successful": shards, "skipped": 0, "failed": 0}}, nil
}

// search returns hits in order, at least as many as are wanted, and how many indices were searched.
func (s *store) search(name string, r *searchRequest) (hits []hit, shards int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.resolve(name)
	for _, x := range list {
		x.refreshIfDue(time.Now())
		found, err := x.search(r)
		if err != nil {
			return nil, 0, err
		}
		hits = append(hits, found...)
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return r.compare(a.key, b.key) })
	return hits, len(list), err
}

// search returns the hits of one index, or the first of them in order.
func (x *index) search(r *searchRequest) (hits []hit, err error) {
	for _, field := range append(r.sort, r.field) {
		kind := map[string]string{"version": "long"}[field]
		if field != "" && !x.Mapping.has(field, cmp.Or(kind, "keyword")) {
			return nil, unknown("the field [%s] of index [%s] in a search", field, x.name)
		}
	}
	found := x.sort()
	if r.field == "hash" {
		found = x.withHashes(r.values)
	}
	keyAt := func(i int) key { return x.writes[found[i]].key }
	switch {
	case r.oneName:
		found = found[sort.Search(len(found), func(i int) bool { return keyAt(i).name >= r.name }):]
		found = found[:sort.Search(len(found), func(i int) bool { return keyAt(i).name > r.name })]
	case r.After != nil:
		found = found[sort.Search(len(found), func(i int) bool { return r.compare(keyAt(i), r.after) > 0 }):]
	}
	for _, seq := range found {
		if len(hits) == r.size && !r.counts && !r.oneName {
			break
		}
		is, err := x.matches(seq, r)
		if err != nil {
			return nil, err
		}
		if is && (r.After == nil || r.compare(x.writes[seq].key, r.after) > 0) {
			hits = append(hits, hit{x, x.writes[seq]})
		}
	}
	return hits, nil
}

// matches tells whether a search finds the document of a write. It reads the document if need be.
func (x *index) matches(seq int32, r *searchRequest) (bool, error) {
	w := x.writes[seq]
	if !x.sees(seq) || r.field == "" || r.field == "name" {
		return x.sees(seq) && (r.field == "" || r.values[w.name]), nil
	}
	read, err := x.log.read(w.at, w.size)
	if err != nil {
		return false, err
	}
	var document map[string]json.RawMessage
	err = json.Unmarshal(read.Source, &document)
	list, _ := texts(document[r.field])
	return slices.ContainsFunc(list, func(text string) bool { return r.values[text] }), err
}
