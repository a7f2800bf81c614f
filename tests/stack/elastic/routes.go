package elastic

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gostore/tests/stack"
)

// maxBody is the real server's default, http.max_content_length.
const maxBody = 100 << 20

// call is one request.
type call struct {
	*http.Request
	at    map[string]string // what stands in the path, unescaped
	query url.Values
	body  []byte
}

// answer is what to reply to a call.
type answer struct {
	status int
	body   any
}

func ok(body any) (answer, error) { return answer{http.StatusOK, body}, nil }

func acknowledged() (answer, error) { return ok(map[string]any{"acknowledged": true}) }

type handler func(*call) (answer, error)

// route is one kind of request. {index}, {id}, {name} and {block} in its path stand for anything.
type route struct {
	methods, path string
	handle        handler
	params        string // those that are taken beside the ones that all calls take
}

// table is in order: the first route that fits is taken.
func (s *Server) table() []route {
	const write = "refresh if_seq_no if_primary_term op_type require_alias "
	const read = "_source _source_includes _source_excludes refresh realtime preference "
	const indices = "ignore_unavailable allow_no_indices expand_wildcards local "
	const search = indices + "size from sort track_total_hits _source preference search_type request_cache allow_partial_search_results " +
		"max_concurrent_shard_requests batched_reduce_size ccs_minimize_roundtrips pre_filter_shard_size "
	return []route{
		{"GET HEAD", "/", s.root, ""},
		{"GET", "/_nodes/http", s.nodes, ""},
		{"GET", "/_cluster/health", s.health, "wait_for_status wait_for_no_initializing_shards"},
		{"GET", "/_cluster/health/{index}", s.health, "wait_for_status wait_for_no_initializing_shards"},
		{"PUT POST", "/_bulk", s.bulk, write},
		{"GET POST", "/_mget", s.mget, read},
		{"GET POST", "/_search", s.search, search},
		{"GET POST", "/_count", s.count, indices},
		{"GET POST", "/_refresh", s.refresh, indices},
		{"DELETE", "/_pit", s.closePIT, ""},
		{"POST", "/_aliases", s.changeAliases, ""},
		{"GET HEAD", "/_alias", s.getAliases, indices},
		{"GET HEAD", "/_alias/{name}", s.getAliases, indices},
		{"GET", "/_mapping", s.getMapping, indices},
		{"GET HEAD", "/_index_template/{name}", s.getTemplate, ""},
		{"PUT POST", "/_index_template/{name}", s.putTemplate, "create cause"},
		{"DELETE", "/_index_template/{name}", s.deleteTemplate, ""},
		{"GET HEAD", "/{index}", s.getIndex, indices},
		{"PUT", "/{index}", s.createIndex, ""},
		{"DELETE", "/{index}", s.deleteIndex, indices},
		{"GET", "/{index}/_mapping", s.getMapping, indices},
		{"PUT POST", "/{index}/_mapping", s.putMapping, indices},
		{"GET", "/{index}/_settings", s.getSettings, indices},
		{"PUT", "/{index}/_settings", s.putSettings, indices},
		{"PUT", "/{index}/_block/{block}", s.putBlock, indices},
		{"GET POST", "/{index}/_refresh", s.refresh, indices},
		{"GET HEAD", "/{index}/_alias", s.getAliases, indices},
		{"GET HEAD", "/{index}/_alias/{name}", s.getAliases, indices},
		{"POST", "/{index}/_rollover", s.rollover, "dry_run"},
		{"POST", "/{index}/_rollover/{name}", s.rollover, "dry_run"},
		{"PUT POST", "/{index}/_bulk", s.bulk, write},
		{"GET POST", "/{index}/_mget", s.mget, read},
		{"GET POST", "/{index}/_search", s.search, search},
		{"GET POST", "/{index}/_count", s.count, indices},
		{"POST", "/{index}/_pit", s.openPIT, indices + "keep_alive preference"},
		{"POST", "/{index}/_doc", s.putDoc, write},
		{"PUT POST", "/{index}/_doc/{id}", s.putDoc, write},
		{"PUT POST", "/{index}/_create/{id}", s.createDoc, write},
		{"GET HEAD", "/{index}/_doc/{id}", s.getDoc, read},
		{"DELETE", "/{index}/_doc/{id}", s.deleteDoc, write},
		{"GET HEAD", "/{index}/_source/{id}", s.getSource, read},
	}
}

// common are the parameters that all calls take. Those about time are not needed here.
const common = "pretty human error_trace timeout master_timeout wait_for_active_shards"

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := s.serve(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, a.status, a.body)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) (answer, error) {
	segments, err := split(r.URL.EscapedPath())
	if err != nil {
		return answer{}, err
	}
	route, at, err := s.find(r, segments)
	if err != nil {
		return answer{}, err
	}
	c := &call{Request: r, at: at, query: r.URL.Query()}
	if err := c.checkParams(route.params); err != nil {
		return answer{}, err
	}
	if c.body, err = readBody(w, r); err != nil {
		return answer{}, err
	}
	return route.handle(c)
}

// split splits a path before it unescapes it: an id may have slashes in it.
func split(escaped string) (segments []string, err error) {
	for _, part := range strings.Split(strings.Trim(escaped, "/"), "/") {
		segment, err := url.PathUnescape(part)
		if err != nil {
			return nil, &apiError{status: http.StatusBadRequest, plain: true, reason: err.Error()}
		}
		segments = append(segments, segment)
	}
	return segments, nil
}

func (s *Server) find(r *http.Request, segments []string) (*route, map[string]string, error) {
	var allowed []string
	for i := range s.routes {
		route := &s.routes[i]
		at, fits := match(route.path, segments)
		if !fits {
			continue
		}
		methods := strings.Fields(route.methods)
		if slices.Contains(methods, r.Method) {
			return route, at, nil
		}
		allowed = append(allowed, methods...)
	}
	uri := r.URL.EscapedPath()
	if len(allowed) == 0 {
		return nil, nil, &apiError{status: http.StatusBadRequest, plain: true, reason: "no handler found for uri [" + uri + "] and method [" + r.Method + "]"}
	}
	return nil, nil, &apiError{status: http.StatusMethodNotAllowed, plain: true,
		reason: "Incorrect HTTP method for uri [" + uri + "] and method [" + r.Method + "], allowed: [" + strings.Join(allowed, ", ") + "]"}
}

func match(pattern string, segments []string) (map[string]string, bool) {
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	if len(parts) != len(segments) {
		return nil, false
	}
	at := map[string]string{}
	for i, part := range parts {
		segment := segments[i]
		name, isVariable := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		switch {
		case !isVariable && part != segment:
			return nil, false
		case isVariable && segment == "":
			return nil, false
		case isVariable:
			at[name] = segment
		}
	}
	return at, true
}

func (c *call) checkParams(taken string) error {
	allowed := strings.Fields(common + " " + taken)
	for name := range c.query {
		if !slices.Contains(allowed, name) {
			return illegalArgument("request [%s] contains unrecognized parameter: [%s]", c.URL.Path, name)
		}
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &apiError{status: http.StatusRequestEntityTooLarge, kind: "content_too_long_exception", reason: "entity content is too long"}
	}
	if err != nil {
		return nil, illegalArgument("read body: %s", err)
	}
	return body, nil
}

// flag tells whether a parameter is set to true, or just set.
func (c *call) flag(name string) bool {
	return c.query.Has(name) && (c.query.Get(name) == "true" || c.query.Get(name) == "")
}

// object is the body as a JSON object; no body is an empty one.
func (c *call) object() (map[string]any, error) {
	if len(c.body) == 0 {
		return map[string]any{}, nil
	}
	object, err := parseObject(c.body)
	if err != nil {
		return nil, badRequest("parse_exception", "Failed to parse content to map: %s", err)
	}
	return object, nil
}

func (s *Server) root(*call) (answer, error) {
	return ok(map[string]any{"name": "embedded", "cluster_name": "go-store", "cluster_uuid": "_na_", "tagline": "You Know, for Search",
		"version": map[string]any{"number": version, "build_flavor": stack.EmbeddedFlavor, "build_type": "go", "build_hash": "unknown", "build_date": "2025-02-20T09:05:31.349013687Z",
			"build_snapshot": false, "lucene_version": "none", "minimum_wire_compatibility_version": "6.8.0", "minimum_index_compatibility_version": "6.0.0-beta1"}})
}

const version = "7.17.28"

func (s *Server) nodes(*call) (answer, error) {
	node := map[string]any{"name": "embedded", "version": version, "build_flavor": stack.EmbeddedFlavor, "roles": []string{"data", "ingest", "master"},
		"http": map[string]any{"bound_address": []string{s.Addr()}, "publish_address": s.Addr(), "max_content_length_in_bytes": maxBody}}
	return ok(map[string]any{"_nodes": map[string]any{"total": 1, "successful": 1, "failed": 0}, "cluster_name": "go-store", "nodes": map[string]any{"embedded": node}})
}

func (s *Server) health(*call) (answer, error) {
	n := len(s.store.current().indices)
	return ok(map[string]any{"cluster_name": "go-store", "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1,
		"active_primary_shards": n, "active_shards": n, "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0,
		"delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0,
		"active_shards_percent_as_number": 100.0})
}

func shards(n int) map[string]any { return map[string]any{"total": n, "successful": n, "failed": 0} }

// searched is shards for answers to searches.
func searched(n int) map[string]any {
	return map[string]any{"total": n, "successful": n, "skipped": 0, "failed": 0}
}
