package elastic

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strings"
	"time"
)

// searchRequest is the body of a search.
type searchRequest struct {
	Query struct {
		MatchAll *struct{} `json:"match_all"`
		Term     *struct{ Name string }
		Terms    *struct{ Hash []string }
	}
	Sort  []map[string]struct{ Order string }
	After []json.RawMessage `json:"search_after"`
	Size  int
	Total bool `json:"track_total_hits"`

	hashes map[uint32]bool // the sums of those that are asked for; nil for all documents
	desc   bool
	after  key
}

// prepare sets the fields that are not in the body.
func (r *searchRequest) prepare() error {
	q := r.Query
	if q.Terms != nil {
		r.hashes = map[uint32]bool{}
		for _, hash := range q.Terms.Hash {
			r.hashes[sum(hash)] = true
		}
	}
	by := ""
	for _, item := range r.Sort {
		for field, how := range item {
			by += field + " " + how.Order + " "
		}
	}
	r.after.name = missing // as null says
	r.desc = by == "version desc "
	switch {
	case q.Term != nil && q.Terms != nil, q.MatchAll != nil && (q.Term != nil || q.Terms != nil):
		return unknown("a query with several parts")
	case by != "" && by != "name asc version asc " && !r.desc, r.desc && q.Term == nil:
		return unknown("how to sort this by [%s]", by)
	case r.Size < 0 || r.Size > 10_000: // index.max_result_window
		return unknown("a size of %d", r.Size)
	case r.After == nil:
		return nil
	case r.Total || r.desc || by == "" || len(r.After) != 2:
		return unknown("search_after with a total, or without as many values as sort")
	}
	if err := errors.Join(json.Unmarshal(r.After[0], &r.after.name), json.Unmarshal(r.After[1], &r.after.version)); err != nil {
		return unknown("search_after %s", r.After)
	}
	return nil
}

// compare compares keys in the order of the search. Without one it is as good as any.
func (r *searchRequest) compare(a, b key) int {
	if r.desc {
		a, b = b, a
	}
	return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.version, b.version))
}

// shown returns the key of a hit as an answer has it.
func (r *searchRequest) shown(k key) []any {
	switch {
	case r.desc:
		return []any{k.version}
	case k.name == missing:
		return []any{nil, k.version}
	}
	return []any{k.name, k.version}
}

// hit is a document that was found.
type hit struct {
	index *index
	write
}

// search finds documents as of the last refresh of each index.
func (s *Server) search(c *call) (any, error) {
	r := &searchRequest{Size: 10, Total: true} // by default
	if err := errors.Join(decode(c.body, r), r.prepare()); err != nil {
		return nil, err
	}
	hits, shards, err := s.store.search(c.PathValue("index"), r)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, h := range hits[:min(len(hits), r.Size)] {
		read, err := h.index.log.read(h.at, h.size)
		if err != nil {
			return nil, err
		}
		shown := object{"_index": h.index.name, "_type": "_doc", "_id": read.ID, "_score": 1, "_source": read.Source}
		if r.Sort != nil {
			shown["_score"], shown["sort"] = nil, r.shown(h.key)
		}
		list = append(list, shown)
	}
	found := object{"max_score": nil, "hits": list}
	if r.Total {
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
		found, failed := x.search(r)
		hits, err = append(hits, found...), errors.Join(err, failed)
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return r.compare(a.key, b.key) })
	return hits, len(list), err
}

// search returns the hits of one index, or the first of them in order.
func (x *index) search(r *searchRequest) (hits []hit, err error) {
	term := r.Query.Term
	if !x.Mapping.has("name", "keyword") && (term != nil || r.Sort != nil) || !x.Mapping.has("version", "long") && r.Sort != nil ||
		!x.Mapping.has("hash", "keyword") && r.hashes != nil {
		return nil, unknown("a search in index [%s], without the fields", x.name)
	}
	found := x.sort()
	keyAt := func(i int) key { return x.writes[found[i]].key }
	if term != nil {
		found = found[sort.Search(len(found), func(i int) bool { return keyAt(i).name >= term.Name }):]
		found = found[:sort.Search(len(found), func(i int) bool { return keyAt(i).name > term.Name })]
	}
	if r.After != nil {
		found = found[sort.Search(len(found), func(i int) bool { return r.compare(keyAt(i), r.after) > 0 }):]
	}
	for _, seq := range found {
		if len(hits) == r.Size && !r.Total && !r.desc {
			break
		}
		is, err := x.matches(seq, r)
		if err != nil {
			return nil, err
		}
		if is {
			hits = append(hits, hit{x, x.writes[seq]})
		}
	}
	return hits, nil
}

// matches tells whether a search finds the document of a write. It reads the document if need be.
func (x *index) matches(seq int32, r *searchRequest) (bool, error) {
	w := x.writes[seq]
	if !x.sees(seq) || r.hashes == nil || w.hash != 0 && !r.hashes[w.hash] {
		return x.sees(seq) && r.hashes == nil, nil
	}
	read, err := x.log.read(w.at, w.size)
	_, hashes := x.Mapping.read(read.Source)
	return slices.ContainsFunc(hashes, func(hash string) bool { return slices.Contains(r.Query.Terms.Hash, hash) }), err
}
