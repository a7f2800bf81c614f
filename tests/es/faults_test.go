package es

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/es"
	"gostore/common/httpd"
	"gostore/common/metrics"
	"gostore/common/requestid"
	"gostore/tests/fault/gate"
)

// fault answers some requests in Elasticsearch's place; status 0 lets one pass.
type fault func(r *http.Request) (status int, body string)

// throughFault returns the URL of a proxy in front of the server, with a fault until repaired. It asks the fault for one
// request at a time.
func (s *server) throughFault(t *testing.T, f fault) (url string, repair func()) {
	var mu sync.Mutex
	url, set := gate.HTTP(t, s.url)
	set(func(r *http.Request, _ string) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		return f(r)
	})
	return url, func() { set(nil) }
}

func refusal(status int, kind, reason string) (int, string) {
	return status, fmt.Sprintf(`{"error":{"type":%q,"reason":%q},"status":%d}`, kind, reason, status)
}

func (s *server) clientOf(t *testing.T, cfg es.Config, log io.Writer) *es.Client {
	c, err := es.New(cfg, metrics.New(), slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func (s *server) config(url string) es.Config {
	return es.Config{URL: url, Index: s.index, MaxAge: "30d", MaxSize: "20gb"}
}

// requireUnavailable wants an answer of 503 that names the cause.
func requireUnavailable(t *testing.T, err error, cause string) {
	t.Helper()
	var answer *httpd.Error
	require.True(t, errors.As(err, &answer), "%v", err)
	require.Equal(t, http.StatusServiceUnavailable, answer.Status)
	require.Contains(t, answer.Message, cause)
	require.NotContains(t, err.Error(), "\n")
}

// addEventually adds a version, and takes no other failure than 503.
func addEventually(t *testing.T, c *es.Client, m es.Metadata) (version int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		if version, err = c.Add(t.Context(), m); err != nil {
			requireUnavailable(t, err, "")
		}
		return err == nil
	}, timeout, 1)
	return version
}

// Elasticsearch loses its data, or an operator deletes the index. Elasticsearch itself would create
// it again, without an alias and with a mapping of its own, on the next write.
func TestIndexIsLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, s *server){
		"deleted":      func(*testing.T, *server) {},
		"created anew": func(t *testing.T, s *server) { s.request(t, http.MethodPut, "/"+s.index+"-000001", "") },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			c, other := s.client(t), s.client(t)
			add(t, c, es.Metadata{Name: "a/b x", Size: 1})
			add(t, other, es.Metadata{Name: "y", Size: 1})
			s.request(t, http.MethodDelete, "/"+s.index+"-000001", "")
			s.request(t, http.MethodDelete, "/_index_template/"+s.index, "")
			lose(t, s)
			require.EqualValues(t, 1, addEventually(t, c, es.Metadata{Name: "a/b x", Size: 2}))
			for _, reader := range []*es.Client{c, other, s.client(t)} {
				latest, err := reader.Latest(t.Context(), "a/b x")
				require.NoError(t, err)
				require.EqualValues(t, 2, latest.Size)
			}
			require.EqualValues(t, 2, add(t, other, es.Metadata{Name: "a/b x", Size: 3}))
			require.Len(t, all(t, c, "a/b x"), 2)
			_, mapping := s.request(t, http.MethodGet, "/"+s.index+"-000001/_mapping", "")
			require.Contains(t, mapping, `"name":{"type":"keyword"}`)
			require.Contains(t, mapping, `"dynamic":"strict"`)
		})
	}
}

// An index of an earlier go-store has a mapping without the newer fields.
func TestEarlierMapping(t *testing.T) {
	s := start(t)
	index := s.index + "-000001"
	s.request(t, http.MethodPut, "/"+index, `{"mappings":{"dynamic":"strict","properties":{"name":{"type":"keyword"},
		"version":{"type":"long"},"size":{"type":"long"},"hash":{"type":"keyword"}}}}`)
	s.request(t, http.MethodPost, "/_aliases", `{"actions":[{"add":{"index":"`+index+`","alias":"`+s.index+`"}},
		{"add":{"index":"`+index+`","alias":"`+index+`-write"}}]}`)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	add(t, c, es.Metadata{Name: "x", Headers: map[string]string{"Expires": "0"}})
	latest, err := c.Latest(t.Context(), "x")
	require.NoError(t, err)
	require.EqualValues(t, 2, latest.Version)
	require.Equal(t, map[string]string{"Expires": "0"}, latest.Headers)
}

func TestReadOfIndexThatIsLost(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	s.request(t, http.MethodDelete, "/"+s.index+"-000001", "")
	_, err := c.Latest(t.Context(), "x")
	requireUnavailable(t, err, "-000001 is missing")
	_, err = c.Latest(t.Context(), "x")
	require.ErrorIs(t, err, es.ErrNotFound)
	_, err = c.Version(t.Context(), "x", 1)
	require.ErrorIs(t, err, es.ErrNotFound)
}

// An operator removes the alias: the versions behind it are found all the same.
func TestAliasIsLost(t *testing.T) {
	s := start(t)
	c := s.clientOf(t, es.Config{URL: s.url, Index: s.index, MaxAge: "1ms", MaxSize: "20gb"}, io.Discard)
	add(t, c, es.Metadata{Name: "x"})
	require.NoError(t, c.Check(t.Context()))
	add(t, c, es.Metadata{Name: "x"})
	status, answer := s.request(t, http.MethodPost, "/_aliases",
		`{"actions":[{"remove":{"index":"`+s.index+`-*","alias":"`+s.index+`"}}]}`)
	require.Equal(t, http.StatusOK, status, answer)
	for _, client := range []*es.Client{s.client(t), c} {
		latest, err := client.Latest(t.Context(), "x")
		require.NoError(t, err)
		require.EqualValues(t, 2, latest.Version)
	}
	require.EqualValues(t, 3, addEventually(t, c, es.Metadata{Name: "x"}))
	require.Len(t, all(t, s.client(t), "x"), 3)
}

// A cluster that has as many shards as it may refuses the next index: the old one goes on.
func TestNextIndexIsRefused(t *testing.T) {
	s := start(t)
	const reason = "Validation Failed: 1: this action would add [1] total shards, but this cluster currently has [1000]/[1000] maximum shards open;"
	url, repair := s.throughFault(t, func(r *http.Request) (int, string) {
		if r.URL.Path == "/"+s.index+"-000002" || r.URL.Path == "/"+s.index+"/_rollover/"+s.index+"-000002" {
			return refusal(http.StatusBadRequest, "validation_exception", reason)
		}
		return 0, ""
	})
	c := s.clientOf(t, es.Config{URL: url, Index: s.index, MaxAge: "1ms", MaxSize: "20gb"}, io.Discard)
	add(t, c, es.Metadata{Name: "x"})
	requireUnavailable(t, c.Check(t.Context()), "maximum shards open")
	require.EqualValues(t, 2, add(t, c, es.Metadata{Name: "x"}))
	require.EqualValues(t, 3, add(t, s.client(t), es.Metadata{Name: "x"}))
	s.request(t, http.MethodPut, "/"+s.index+"-000001/_block/write", "")
	_, err := c.Add(t.Context(), es.Metadata{Name: "x"})
	requireUnavailable(t, err, "maximum shards open")
	repair()
	require.EqualValues(t, 4, add(t, c, es.Metadata{Name: "x"}))
	status, _ := s.request(t, http.MethodGet, "/"+s.index+"-000002/_mapping", "")
	require.Equal(t, http.StatusOK, status)
}

// The next index exists, but the process that created it died before it was used.
func TestRolloverThatIsHalfDone(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	s.request(t, http.MethodPut, "/"+s.index+"-000002", "")
	latest, err := c.Latest(t.Context(), "x")
	require.NoError(t, err)
	require.EqualValues(t, 1, latest.Version)
	require.EqualValues(t, 2, add(t, c, es.Metadata{Name: "x"}))
	s.request(t, http.MethodPut, "/"+s.index+"-000001/_block/write", "")
	require.EqualValues(t, 3, add(t, s.client(t), es.Metadata{Name: "x"}))
	require.EqualValues(t, 4, add(t, c, es.Metadata{Name: "x"}))
	require.Len(t, all(t, c, "x"), 4)
}

// One document that Elasticsearch accepts and we cannot read fails no request for another object.
func TestMistypedDocument(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	add(t, c, es.Metadata{Name: "z"})
	status, answer := s.request(t, http.MethodPut, "/"+s.index+"-000001/_doc/foreign_1",
		`{"name":7,"version":"1","size":"23","hash":["a","b"]}`)
	require.Equal(t, http.StatusCreated, status, answer)
	status, answer = s.request(t, http.MethodPut, "/"+s.index+"-000001/_doc/foreign_2", `{"name":"x","version":99,"size":1}`)
	require.Equal(t, http.StatusCreated, status, answer)
	require.Len(t, all(t, c, ""), 2)
	require.Len(t, all(t, c, "x"), 1)
	latest, err := s.client(t).Latest(t.Context(), "x")
	require.NoError(t, err)
	require.EqualValues(t, 1, latest.Version)
	require.EqualValues(t, 2, add(t, s.client(t), es.Metadata{Name: "x"}))
	for version := range int64(2) {
		_, err = c.Version(t.Context(), "foreign", version+1)
		require.ErrorContains(t, err, fmt.Sprint("foreign_", version+1))
	}
	_, err = c.Latest(t.Context(), "foreign")
	require.ErrorContains(t, err, "foreign_1")
	_, err = c.Latest(t.Context(), "7")
	require.ErrorIs(t, err, es.ErrNotFound)
	require.Empty(t, all(t, c, "7"))
}

// A document of the object itself that cannot be read fails its requests, and only those.
func TestMistypedVersion(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	s.request(t, http.MethodPut, "/"+s.index+"-000001/_doc/x_2", `{"name":"x","version":2,"size":"23"}`)
	for _, reader := range []*es.Client{c, s.client(t)} {
		_, err := reader.Latest(t.Context(), "x")
		require.ErrorContains(t, err, "x_2")
		require.ErrorContains(t, reader.Each(t.Context(), "x", func(es.Metadata) error { return nil }), "x_2")
		_, err = reader.Version(t.Context(), "x", 1)
		require.NoError(t, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		status             int
		kind, reason, want string
	}{
		{403, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];", "cluster read-only"},
		{403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/5/index read-only (api)];", "index read-only"},
		{429, "cluster_block_exception", "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];", "flood-stage"},
		{429, "es_rejected_execution_exception", "rejected execution", "rejected execution"},
		{401, "security_exception", "missing authentication credentials", "missing authentication credentials"},
		{400, "illegal_argument_exception", "index template has index patterns matching patterns from existing templates", "existing templates"},
		{503, "search_phase_execution_exception", "all shards failed", "all shards failed"},
	} {
		t.Run(test.want, func(t *testing.T) {
			s := start(t)
			add(t, s.client(t), es.Metadata{Name: "x"})
			url, repair := s.throughFault(t, func(r *http.Request) (int, string) {
				if r.URL.Path == "/" && test.status != http.StatusUnauthorized {
					return 0, ""
				}
				return refusal(test.status, test.kind, test.reason)
			})
			c := s.clientOf(t, s.config(url), io.Discard)
			_, err := c.Add(t.Context(), es.Metadata{Name: "x"})
			requireUnavailable(t, err, test.want)
			requireUnavailable(t, c.Ready(t.Context()), test.want)
			repair()
			require.EqualValues(t, 2, add(t, c, es.Metadata{Name: "x"}))
			_, err = c.Latest(t.Context(), "x")
			require.NoError(t, err)
		})
	}
}

// A cluster becomes read-only after the client has connected.
func TestRefusedWrite(t *testing.T) {
	s := start(t)
	reading := true
	url, repair := s.throughFault(t, func(r *http.Request) (int, string) {
		if reading || r.Method != http.MethodPut {
			return 0, ""
		}
		return refusal(http.StatusForbidden, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];")
	})
	c := s.clientOf(t, s.config(url), io.Discard)
	add(t, c, es.Metadata{Name: "x"})
	reading = false
	_, err := c.Add(t.Context(), es.Metadata{Name: "x"})
	requireUnavailable(t, err, "cluster read-only")
	_, err = c.Latest(t.Context(), "x")
	require.NoError(t, err, "reads go on")
	repair()
	require.EqualValues(t, 2, add(t, c, es.Metadata{Name: "x"}))
}

// Elasticsearch has the request ID in its own logs, and a request that it refuses is an error.
func TestRequestsAreMarkedAndCounted(t *testing.T) {
	s := start(t)
	marks := make(chan string, 100)
	url, repair := s.throughFault(t, func(r *http.Request) (int, string) {
		marks <- r.Header.Get("X-Opaque-Id")
		return refusal(http.StatusTooManyRequests, "es_rejected_execution_exception", "busy")
	})
	stats := metrics.New()
	c, err := es.New(s.config(url), stats, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.Error(t, c.Ready(requestid.With(t.Context(), "x1")))
	require.Equal(t, "x1", <-marks)
	require.Error(t, c.Ready(t.Context()))
	require.Empty(t, <-marks)
	require.Contains(t, shown(stats), "\ngostore_elasticsearch_errors_total 2\n")
	repair()
	require.EqualValues(t, 1, add(t, c, es.Metadata{Name: "x"}))
	require.Contains(t, shown(stats), "\ngostore_elasticsearch_errors_total 2\n")
	require.Contains(t, shown(stats), "\ngostore_elasticsearch_requests_total{status=\"201\"} 1\n")
}

func shown(stats *metrics.Set) string {
	page := httptest.NewRecorder()
	stats.ServeHTTP(page, nil)
	return page.Body.String()
}

func TestPasswordIsNotShown(t *testing.T) {
	s := start(t)
	sent := make(chan string, 100)
	url, _ := s.throughFault(t, func(r *http.Request) (int, string) {
		_, password, _ := r.BasicAuth()
		sent <- password
		return refusal(http.StatusUnauthorized, "security_exception", "unable to authenticate user [me] for REST request [/]")
	})
	for _, address := range []string{strings.TrimPrefix(url, "http://"), "127.0.0.1:1", "no-such-host.invalid:9200"} {
		var log strings.Builder
		c := s.clientOf(t, s.config("http://me:secret@"+address), &log)
		err := errors.Join(c.Ready(t.Context()), c.Check(t.Context()), c.Each(t.Context(), "", nil))
		_, more := c.Add(t.Context(), es.Metadata{Name: "x"})
		require.Error(t, err)
		require.Error(t, more)
		require.NotContains(t, err.Error()+more.Error()+log.String(), "secret")
	}
	require.Equal(t, "secret", <-sent)
	for _, url := range []string{"http://me:se cret@host", "http://me:se/cret@host", "https://me:1#secret@host", "://me:secret@host"} {
		_, err := es.New(s.config(url), metrics.New(), slog.New(slog.DiscardHandler))
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "cret")
	}
}

func TestAliasNameIsTaken(t *testing.T) {
	s := start(t)
	s.request(t, http.MethodPut, "/"+s.index, "")
	t.Cleanup(func() { s.request(t, http.MethodDelete, "/"+s.index, "") })
	requireUnavailable(t, s.client(t).Ready(t.Context()),
		`an index is called "`+s.index+`", which must become an alias: delete it, or set ES_INDEX to another name`)
}

// A template of another owner has our name, or is for our indices too, with the same or a higher priority.
func TestTemplateIsInThePlaceOfOurs(t *testing.T) {
	for name, template := range map[string]string{
		"INDEX":        `{"index_patterns":["INDEX-logs-*"]}`,
		"INDEX-same":   `{"index_patterns":["none","INDEX*"]}`,
		"INDEX-higher": `{"index_patterns":["INDEX-*"],"priority":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			name := strings.Replace(name, "INDEX", s.index, 1)
			s.putTemplate(t, name, strings.Replace(template, "INDEX", s.index, 1))
			_, before := s.request(t, http.MethodGet, "/_index_template/"+s.index+"*", "")
			err := s.client(t).Ready(t.Context())
			requireUnavailable(t, err, `index template "`+name+`", whose patterns are [`)
			require.ErrorContains(t, err, "], is in the place of ours: delete it, or set ES_INDEX to another name")
			_, after := s.request(t, http.MethodGet, "/_index_template/"+s.index+"*", "")
			require.Equal(t, before, after)
			s.request(t, http.MethodDelete, "/_index_template/"+name, "")
			require.NoError(t, s.client(t).Ready(t.Context()))
		})
	}
}

func (s *server) putTemplate(t *testing.T, name, template string) {
	status, answer := s.request(t, http.MethodPut, "/_index_template/"+name, template)
	require.Equal(t, http.StatusOK, status, answer)
	t.Cleanup(func() { s.request(t, http.MethodDelete, "/_index_template/"+name, "") })
}

// A template comes later: no index begins, and the last one goes on. Our own of an earlier go-store is put again.
func TestTemplateComesLater(t *testing.T) {
	s := start(t)
	s.putTemplate(t, s.index, `{"index_patterns":["`+s.index+`-*"],"template":{"mappings":{"properties":{"name":{"type":"keyword"}}}}}`)
	c := s.clientOf(t, es.Config{URL: s.url, Index: s.index, MaxAge: "1ms", MaxSize: "20gb"}, io.Discard)
	add(t, c, es.Metadata{Name: "x"})
	_, template := s.request(t, http.MethodGet, "/_index_template/"+s.index+"*", "")
	require.Contains(t, template, `"upload"`)
	s.putTemplate(t, s.index+"-later", `{"index_patterns":["`+s.index+`-*"],"priority":7}`)
	requireUnavailable(t, c.Check(t.Context()), "is in the place of ours")
	require.EqualValues(t, 2, add(t, c, es.Metadata{Name: "x"}))
	status, _ := s.request(t, http.MethodGet, "/"+s.index+"-000002/_mapping", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestOtherVersionsOfElasticsearch(t *testing.T) {
	s := start(t)
	for _, version := range []string{"6.8.23", "8.11.1"} {
		url, _ := s.throughFault(t, func(r *http.Request) (int, string) {
			if r.URL.Path == "/" {
				return http.StatusOK, `{"version":{"number":"` + version + `"}}`
			}
			return 0, ""
		})
		c := s.clientOf(t, s.config(url), io.Discard)
		requireUnavailable(t, c.Ready(t.Context()), "Elasticsearch "+version+" answers, 7 is needed")
	}
}
