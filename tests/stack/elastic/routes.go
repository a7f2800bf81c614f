package elastic

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gostore/tests/stack"
)

// routes lists the requests that are known, each with the parameters, and their values, that it takes.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, r := range []struct {
		pattern, params string
		handle          func(*call) (any, error)
	}{
		{"GET /{$}", "", s.root}, // and HEAD, as all GETs
		{"DELETE /_index_template/{name}", "", s.deleteTemplate},
		{"GET /{index}/{name}", "", s.describe},      // /_alias/NAME, /INDEX/_alias, /INDEX/_mapping
		{"PUT /{index}/{name}", "", s.putDefinition}, // /_index_template/NAME, /INDEX/_mapping
		{"POST /_aliases", "", s.changeAliases},
		{"PUT /{index}", "", s.createIndex},
		{"DELETE /{index}", "", s.deleteIndices},
		{"PUT /{index}/_block/write", "", s.block},
		{"POST /{index}/_rollover", "dry_run=true", s.dryRun},
		{"POST /{index}/_rollover/{name}", "", s.rollover},
		{"PUT /{index}/_doc/{id}", "op_type=create if_seq_no if_primary_term require_alias=true", s.putDoc},
		{"GET /{index}/_doc/{id}", "", s.getDoc},
		{"POST /{index}/_bulk", "", s.bulk},
		{"GET /_mget", "", s.mget},
		{"POST /{index}/_refresh", "", s.refresh},
		{"POST /{index}/_search", "allow_partial_search_results", s.search},
		{"/", "", func(c *call) (any, error) { return nil, unknown("%s %s", c.Method, c.URL.EscapedPath()) }},
	} {
		mux.Handle(r.pattern, route{strings.Fields(r.params), r.handle})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handling.RLock()
		defer s.handling.RUnlock()
		mux.ServeHTTP(w, r)
	})
}

type route struct {
	params []string
	handle func(c *call) (body any, err error) // c.status is that of the body
}

// call is one request, and the status of its answer.
type call struct {
	*http.Request
	query  url.Values
	body   []byte
	status int
}

// object is a JSON object.
type object = map[string]any

// ServeHTTP answers a request.
func (r route) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	c := &call{Request: request, query: request.URL.Query(), status: http.StatusOK}
	body, err := r.serve(c)
	if err != nil {
		e := refusal(err)
		c.status, body = e.status, object{"error": e.withCause(), "status": e.status}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.WriteHeader(c.status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has left
}

func (r route) serve(c *call) (body any, err error) {
	for name, values := range c.query {
		if param := name + "=" + values[0]; !slices.Contains(r.params, name) && !slices.Contains(r.params, param) {
			return nil, unknown("parameter %s of %s %s", param, c.Method, c.URL.EscapedPath())
		}
	}
	if c.body, err = io.ReadAll(c.Body); err != nil {
		return nil, err
	}
	return r.handle(c)
}

// decode reads a body, if there is one, into a value that has all the fields that are known.
func decode(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return unknown("%.200s (%s)", body, err)
	}
	return nil
}

func (s *Server) root(*call) (any, error) {
	return object{"name": "embedded", "cluster_name": "go-store", "tagline": "You Know, for Search",
		"version": object{"number": "7.17.28", "build_flavor": stack.EmbeddedFlavor}}, nil
}
