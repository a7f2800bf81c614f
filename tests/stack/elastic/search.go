package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

const (
	maxWindow    = 10000 // index.max_result_window of the real server
	defaultTotal = 10000 // up to which matches are counted unless asked otherwise
	countAll     = -1
)

// searchRequest is the body of a search.
type searchRequest struct {
	query      clause
	from, size int
	order      []sortField
	after      []any
	totalUpTo  int // how far to count: countAll, 0 for not at all
	source     sourceFilter
	withSeq    bool
	withVer    bool
	aggs       []aggregation
	pit        string
	keepAlive  string
	pitGiven   bool
}

func (c *call) searchRequest() (*searchRequest, error) {
	r := &searchRequest{size: 10, totalUpTo: defaultTotal}
	object := map[string]any{}
	if len(c.body) > 0 {
		var err error
		if object, err = parseSearchBody(c.body); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"size", "from", "track_total_hits"} {
		if c.query.Has(name) {
			object[name] = json.Number(c.query.Get(name))
		}
	}
	var err error
	if r.query, err = parseQuery(object["query"]); err != nil {
		return nil, err
	}
	for name, value := range object {
		if err := r.set(name, value); err != nil {
			return nil, err
		}
	}
	if c.query.Has("_source") {
		r.source, err = c.sourceFilter()
	}
	return r, err
}

func parseSearchBody(body []byte) (map[string]any, error) {
	object, err := parseObject(body)
	if err != nil && json.Valid(body) {
		return nil, badRequest("parsing_exception", "Expected [START_OBJECT] but found something else")
	}
	if err != nil && bytes.HasPrefix([]byte(err.Error()), []byte("unexpected EOF")) {
		return nil, badRequest("json_e_o_f_exception", "%s", err)
	}
	if err != nil {
		return nil, badRequest("json_parse_exception", "%s", err)
	}
	return object, nil
}

func (r *searchRequest) set(name string, value any) (err error) {
	switch name {
	case "query", "timeout", "track_scores":
	case "size":
		if r.size, err = wholeNumber(value); r.size < 0 {
			r.size = 10
		}
	case "from":
		if r.from, err = wholeNumber(value); r.from < 0 {
			err = illegalArgument("[from] parameter cannot be negative, found [%d]", r.from)
		}
	case "sort":
		r.order, err = parseSort(value)
	case "search_after":
		list, isList := value.([]any)
		if r.after = list; !isList || len(list) == 0 {
			err = illegalArgument("Values must contains at least one value.")
		}
	case "track_total_hits":
		r.totalUpTo, err = parseTotal(value)
	case "_source":
		r.source, err = parseSource(value)
	case "version":
		r.withVer = value == true
	case "seq_no_primary_term":
		r.withSeq = value == true
	case "aggs", "aggregations":
		r.aggs, err = parseAggs(value, true)
	case "pit":
		err = r.setPIT(value)
	default:
		err = badRequest("parsing_exception", "Unknown key in [%s].", name)
	}
	return err
}

func (r *searchRequest) setPIT(value any) error {
	object, _ := value.(map[string]any) // nil has no id
	id, ok := object["id"].(string)
	if !ok {
		return illegalArgument("point in time id is not provided")
	}
	r.pit, r.pitGiven = id, true
	r.keepAlive, _ = object["keep_alive"].(string) // it need not be there
	return nil
}

func parseTotal(value any) (int, error) {
	switch value {
	case true, json.Number("true"):
		return countAll, nil
	case false, json.Number("false"):
		return 0, nil
	}
	n, err := wholeNumber(value)
	if err == nil && n < countAll {
		err = illegalArgument("[track_total_hits] parameter must be positive or equals to -1, got %d", n)
	}
	return n, err
}

func parseSource(value any) (f sourceFilter, err error) {
	switch v := value.(type) {
	case bool:
		f.none = !v
	case string:
		f.includes = []string{v}
	case []any:
		f.includes, err = texts(v)
	case map[string]any:
		for name, value := range v {
			list, isList := value.([]any)
			if !isList {
				list = []any{value}
			}
			switch name {
			case "includes", "include":
				f.includes, err = texts(list)
			case "excludes", "exclude":
				f.excludes, err = texts(list)
			default:
				err = badRequest("parsing_exception", "Unknown key in [%s].", name)
			}
			if err != nil {
				return f, err
			}
		}
	default:
		err = badRequest("parsing_exception", "_source must be a boolean, names or an object")
	}
	return f, err
}

func texts(list []any) (names []string, err error) {
	for _, value := range list {
		name, isText := value.(string)
		if !isText {
			return nil, badRequest("parsing_exception", "[%v] is not a string", value)
		}
		names = append(names, name)
	}
	return names, nil
}

// check refuses what the real server refuses in its indices.
func (r *searchRequest) check() error {
	if r.from+r.size > maxWindow {
		return inSearch(illegalArgument("Result window is too large, from + size must be less than or equal to: [%d] but was [%d].", maxWindow, r.from+r.size))
	}
	if r.after != nil && r.from > 0 {
		e := inSearch(&apiError{kind: "search_exception", reason: "`from` parameter must be set to 0 when `search_after` is used."})
		e.status = http.StatusInternalServerError
		return e
	}
	return nil
}

func (s *Server) search(c *call) (answer, error) {
	began := time.Now()
	r, err := c.searchRequest()
	if err != nil {
		return answer{}, err
	}
	views, done, err := s.viewsFor(c, r)
	if err != nil {
		return answer{}, err
	}
	defer done()
	if len(views) > 0 {
		err = r.check()
	}
	if err != nil {
		return answer{}, err
	}
	hits, err := r.hits(c.Context(), views)
	if err != nil {
		return answer{}, err
	}
	body := map[string]any{"took": time.Since(began).Milliseconds(), "timed_out": false, "_shards": searched(len(views)), "hits": hits}
	if len(r.aggs) > 0 {
		if body["aggregations"], err = r.aggregate(c.Context(), views); err != nil {
			return answer{}, err
		}
	}
	if r.pitGiven {
		body["pit_id"] = r.pit
	}
	return answer{http.StatusOK, body}, c.Context().Err()
}

// viewsFor returns what to search, until done is called.
func (s *Server) viewsFor(c *call, r *searchRequest) (views []*view, done func(), err error) {
	if r.pitGiven {
		if c.at["index"] != "" {
			return nil, nil, invalid("[indices] cannot be used with point in time. Do not specify any index with point in time.")
		}
		return s.store.usePIT(r.pit, r.keepAlive)
	}
	indices, err := s.store.current().resolve(c.indices(), c.flag("ignore_unavailable"))
	if err != nil {
		return nil, nil, err
	}
	views, done = s.store.views(indices)
	return views, done, nil
}

// indices is the expression in the path for the indices that are meant.
func (c *call) indices() string {
	if c.at["index"] == "" {
		return "_all"
	}
	return c.at["index"]
}

// hit is a document that may be in the answer.
type hit struct {
	*doc
	keys []string // that it is sorted by
}

// top keeps the first hits of an order.
type top struct {
	order []sortField
	after []string // hits come after this one
	room  int      // how many to keep
	kept  []hit
}

func (t *top) compare(a, b hit) int {
	if c := compareKeys(t.order, a.keys, b.keys); c != 0 {
		return c
	}
	return int(a.place() - b.place())
}

// add tells whether the document came after t.after.
func (t *top) add(d *doc) bool {
	if t.room == 0 {
		return false
	}
	h := hit{doc: d, keys: make([]string, len(t.order))}
	for i, f := range t.order {
		h.keys[i] = f.keyOf(d)
	}
	d.fields = nil // only the keys are needed from here on
	if t.after != nil && compareKeys(t.order, h.keys, t.after) <= 0 {
		return false
	}
	t.kept = append(t.kept, h)
	if len(t.kept) >= 2*t.room+16 {
		t.cut()
	}
	return true
}

// cut is done once for as many hits as there is room for, so each costs the logarithm of that.
func (t *top) cut() {
	slices.SortFunc(t.kept, t.compare)
	t.kept = slices.Clip(t.kept[:min(len(t.kept), t.room)])
}

// total counts matches up to a limit.
type total struct{ n, limit int64 }

func (t *total) enough() bool { return t.limit != countAll && t.n > t.limit || t.limit == 0 }

func (t *total) body() map[string]any {
	if t.limit != countAll && t.n > t.limit {
		return map[string]any{"value": t.limit, "relation": "gte"}
	}
	return map[string]any{"value": t.n, "relation": "eq"}
}

// hits searches index by index and keeps the first of all.
func (r *searchRequest) hits(ctx context.Context, views []*view) (map[string]any, error) {
	shown := r.order
	if r.pitGiven && len(shown) > 0 && !slices.ContainsFunc(shown, func(f sortField) bool { return f.name == "_shard_doc" }) &&
		(r.after == nil || len(r.after) > len(shown)) {
		shown = append(slices.Clone(shown), sortField{name: "_shard_doc"})
	}
	t, n := &top{room: r.from + r.size}, &total{limit: int64(r.totalUpTo)}
	for _, v := range views {
		q, err := v.bind(r.query)
		if err != nil {
			return nil, err
		}
		if t.order, err = bindSort(v.idx.Mapping, shown); err != nil {
			return nil, v.blame(err)
		}
		if r.after != nil {
			if t.after, err = parseAfter(t.order, r.after); err != nil {
				return nil, err
			}
		}
		v.collect(ctx, q, t, n)
	}
	t.cut()
	list := make([]any, 0, r.size)
	for _, h := range t.kept[min(r.from, len(t.kept)):] {
		body, err := r.show(h, t.order)
		if err != nil {
			return nil, err
		}
		list = append(list, body)
	}
	return r.hitsBody(list, n), nil
}

func (r *searchRequest) hitsBody(list []any, n *total) map[string]any {
	body := map[string]any{"hits": list, "max_score": nil}
	if len(list) > 0 && len(r.order) == 0 {
		body["max_score"] = 1.0
	}
	if r.totalUpTo != 0 {
		body["total"] = n.body()
	}
	return body
}

func (r *searchRequest) show(h hit, order []sortField) (map[string]any, error) {
	body := map[string]any{"_index": h.view.idx.Name, "_type": "_doc", "_id": string(h.id), "_score": nil}
	if len(r.order) == 0 {
		body["_score"] = 1.0
	} else {
		values := make([]any, len(order))
		for i, f := range order {
			values[i] = f.shown(h.keys[i])
		}
		body["sort"] = values
	}
	record := h.load()
	if r.withVer {
		body["_version"] = record.version
	}
	if r.withSeq {
		body["_seq_no"], body["_primary_term"] = record.seq, primaryTerm
	}
	return body, r.source.add(body, record.source)
}

func (v *view) bind(c clause) (query, error) {
	q, err := c(v.idx.Mapping)
	return q, v.blame(err)
}

// blame says in an error which index it came up in, where the real server does.
func (v *view) blame(err error) error {
	var api *apiError
	if errors.As(err, &api) && api.kind == "query_shard_exception" {
		api.extra = map[string]any{"index_uuid": v.idx.UUID, "index": v.idx.Name}
	}
	return err
}

// collect puts an index's matches into t and counts them. Where the entries come in the order that is
// asked for, it stops as soon as t is full and enough is counted; else it goes through all matches.
func (v *view) collect(ctx context.Context, q query, t *top, n *total) {
	first := sortField{name: "_doc"}
	if len(t.order) > 0 {
		first = t.order[0]
	}
	d := driverFor(q, "", false)
	hasEntries := isMeta(first.name) || fieldOf(v.idx.Mapping, first.name) != nil
	if hasEntries && !first.missingFirst {
		d = driverFor(q, first.name, first.desc)
	}
	counting := n
	if _, is := q.(all); is { // the number is known
		n.n += v.count(bucketDocs)
		counting = &total{}
	}
	hidesSome := d.isWhole() && !isMeta(d.field) && v.count(fieldPrefix+d.field) < v.count(bucketDocs)
	// A document with several values may be sorted by one that is not among those that are asked for.
	sortsByEntry := d.isWhole() || v.count(multiPrefix+d.field) == 0
	w := &walk{view: v, q: q, t: t, n: counting, ordered: d.field == first.name && !first.missingFirst && sortsByEntry}
	if w.ordered && t.after != nil && counting.limit == 0 {
		d.spans = from(d.spans, t.after[0], d.desc)
	}
	w.through(ctx, d)
	if w.ordered && hidesSome && !w.done() {
		w.throughMissing(ctx, d.field)
	}
}

// from leaves out what comes before key.
func from(spans []span, key string, desc bool) (rest []span) {
	for _, s := range spans {
		if desc {
			if after := next(key); after != "" && (s.hi == "" || after < s.hi) {
				s.hi = after
			}
		} else {
			s.lo = max(s.lo, key)
		}
		if !s.empty() {
			rest = append(rest, s)
		}
	}
	return rest
}

// walk is one pass over an index's matches.
type walk struct {
	view    *view
	q       query
	t       *top
	n       *total
	ordered bool // the entries come in the order of the first sort field
	settled bool // nothing that is still to come belongs into t
	key     string
}

func (w *walk) done() bool { return w.settled && w.n.enough() }

func (w *walk) through(ctx context.Context, d driver) {
	found := 0
	for m := range w.view.matches(ctx, w.q, d, false) {
		if w.ordered && m.key != w.key {
			w.settled = found >= w.t.room
			w.key = m.key
		}
		if w.done() {
			return
		}
		w.n.n++
		if !w.settled && w.t.add(m) {
			found++
		}
	}
	w.settled = w.ordered && found >= w.t.room
}

// throughMissing adds the documents without a value in a field, which has no entries for them.
func (w *walk) throughMissing(ctx context.Context, field string) {
	w.ordered = false
	for m := range w.view.matches(ctx, w.q, driver{"_doc", []span{{}}, false}, false) {
		if len(m.keys(field)) > 0 {
			continue
		}
		w.n.n++
		if !w.settled {
			w.t.add(m)
		}
	}
}

func (s *Server) count(c *call) (answer, error) {
	object, err := c.object()
	if err != nil {
		return answer{}, err
	}
	for name := range object {
		if name != "query" {
			return answer{}, badRequest("parsing_exception", "request does not support [%s]", name)
		}
	}
	r := &searchRequest{totalUpTo: countAll}
	if r.query, err = parseQuery(object["query"]); err != nil {
		return answer{}, err
	}
	views, done, err := s.viewsFor(c, r)
	if err != nil {
		return answer{}, err
	}
	defer done()
	n := &total{limit: countAll}
	for _, v := range views {
		q, err := v.bind(r.query)
		if err != nil {
			return answer{}, err
		}
		v.collect(c.Context(), q, &top{}, n)
	}
	return answer{http.StatusOK, map[string]any{"count": n.n, "_shards": searched(len(views))}}, c.Context().Err()
}

func (s *Server) refresh(c *call) (answer, error) {
	indices, err := s.store.current().resolve(c.indices(), c.flag("ignore_unavailable"))
	if err == nil {
		err = s.store.refresh(indices...)
	}
	return answer{http.StatusOK, map[string]any{"_shards": shards(len(indices))}}, err
}
