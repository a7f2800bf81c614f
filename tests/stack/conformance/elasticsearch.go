package conformance

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Elasticsearch runs the suite against the server at url (http://host:port), which others may use at
// the same time: all names are of this run alone, and all is removed at its end.
func Elasticsearch(t *testing.T, url string) {
	for name, test := range map[string]func(*testing.T, *elasticsearch){
		"CreateOnce":               createOnce,
		"OptimisticConcurrency":    optimisticConcurrency,
		"ReadsByIDAreRealTime":     readsByIDAreRealTime,
		"SearchSeesRefreshed":      searchSeesRefreshed,
		"RefreshComesByItself":     refreshComesByItself,
		"WaitForRefresh":           waitForRefresh,
		"EscapedIDs":               escapedIDs,
		"BlockThenRollover":        blockThenRollover,
		"RolloverOnce":             rolloverOnce,
		"PointInTime":              pointInTime,
		"SearchAfter":              searchAfter,
		"AggregationAcrossIndices": aggregationAcrossIndices,
		"BulkOneByOne":             bulkOneByOne,
		"TooLarge":                 tooLarge,
	} {
		t.Run(name, func(t *testing.T) { test(t, newElasticsearch(t, url)) })
	}
}

// elasticsearch is a client with an index prefix of its own.
type elasticsearch struct {
	url, prefix string
	http        *http.Client
}

func newElasticsearch(t *testing.T, url string) *elasticsearch {
	e := &elasticsearch{url: url, prefix: "conformance-" + strings.ToLower(rand.Text()), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	t.Cleanup(func() {
		e.do(t, "DELETE /"+e.prefix+"*", "")
		e.do(t, "DELETE /_index_template/"+e.prefix, "")
		e.http.CloseIdleConnections()
	})
	return e
}

// answer is a status and a JSON object.
type answer struct {
	status int
	body   map[string]any
}

// at returns what is at a path of names and numbers, such as "hits.hits.0._id".
func (a answer) at(path string) any {
	var value any = a.body
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func (a answer) hits() []any {
	list, _ := a.at("hits.hits").([]any) // none: the test fails on its length
	return list
}

// do sends a request, "METHOD /path".
func (e *elasticsearch) do(t *testing.T, request, body string) answer {
	t.Helper()
	status, text, err := e.send(request, body)
	require.NoError(t, err)
	a := answer{status: status}
	if text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), &a.body), text)
	}
	return a
}

func (e *elasticsearch) send(request, body string) (status int, text string, err error) {
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequest(method, e.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.Contains(path, "_bulk") {
		r.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := e.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close() // read to its end
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

const versionsMapping = `"mappings":{"dynamic":"strict","properties":{"name":{"type":"keyword"},"version":{"type":"long"},"size":{"type":"long"},"hash":{"type":"keyword"}}}`

// index makes an index that is refreshed only when it is asked to be.
func (e *elasticsearch) index(t *testing.T, suffix string) string {
	t.Helper()
	name := e.prefix + suffix
	require.Equal(t, 200, e.do(t, "PUT /"+name, `{"settings":{"refresh_interval":"-1"},`+versionsMapping+`}`).status)
	return name
}

func (e *elasticsearch) create(t *testing.T, index, name string, version int) answer {
	t.Helper()
	return e.do(t, fmt.Sprintf("PUT /%s/_doc/%s_%d?op_type=create", index, name, version), versionOf(name, version))
}

func versionOf(name string, version int) string {
	return fmt.Sprintf(`{"name":%q,"version":%d}`, name, version)
}

// fill creates n documents with n/4 names, and makes them visible.
func (e *elasticsearch) fill(t *testing.T, index string, n int) {
	t.Helper()
	var lines strings.Builder
	for i := range n {
		name := fmt.Sprintf("n%05d", i*7919%n/4)
		fmt.Fprintf(&lines, "{\"create\":{\"_id\":\"%d\"}}\n%s\n", i, versionOf(name, i))
	}
	a := e.do(t, "POST /"+index+"/_bulk?refresh=true", lines.String())
	require.Equal(t, 200, a.status)
	require.Equal(t, false, a.body["errors"])
}

func createOnce(t *testing.T, e *elasticsearch) {
	const writers, ids = 16, 20
	index := e.index(t, "")
	won := make([][]int, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for id := range ids {
				status, _, err := e.send(fmt.Sprintf("PUT /%s/_doc/%d?op_type=create", index, id), versionOf("x", w))
				if err == nil && status == http.StatusCreated {
					won[w] = append(won[w], id)
				}
			}
		})
	}
	all.Wait()
	winner := map[int]int{}
	for w, list := range won {
		for _, id := range list {
			require.NotContains(t, winner, id, "created twice")
			winner[id] = w
		}
	}
	require.Len(t, winner, ids)
	for id, w := range winner {
		require.EqualValues(t, w, e.do(t, fmt.Sprintf("GET /%s/_doc/%d", index, id), "").at("_source.version"))
	}
}

func optimisticConcurrency(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	first := e.create(t, index, "a", 1)
	require.EqualValues(t, 0, first.at("_seq_no"))
	require.EqualValues(t, 1, first.at("_version"))
	condition := fmt.Sprintf("?if_seq_no=%v&if_primary_term=%v", first.at("_seq_no"), first.at("_primary_term"))
	require.Equal(t, 200, e.do(t, "PUT /"+index+"/_doc/a_1"+condition, versionOf("a", 2)).status)
	again := e.do(t, "PUT /"+index+"/_doc/a_1"+condition, versionOf("a", 3))
	require.Equal(t, 409, again.status)
	require.Equal(t, "version_conflict_engine_exception", again.at("error.type"))
	require.Equal(t, 409, e.do(t, "DELETE /"+index+"/_doc/a_1"+condition, "").status)
	require.EqualValues(t, 2, e.do(t, "GET /"+index+"/_doc/a_1", "").at("_source.version"))
}

func readsByIDAreRealTime(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	require.Equal(t, 201, e.create(t, index, "a", 1).status)
	require.Equal(t, 200, e.do(t, "GET /"+index+"/_doc/a_1", "").status)
	require.Equal(t, 200, e.do(t, "HEAD /"+index+"/_doc/a_1", "").status)
	got := e.do(t, "POST /_mget", fmt.Sprintf(`{"docs":[{"_index":%q,"_id":"a_1"},{"_index":%q,"_id":"a_2"},{"_index":"%s-no","_id":"a_1"}]}`, index, index, index))
	require.Equal(t, true, got.at("docs.0.found"))
	require.Equal(t, "a", got.at("docs.0._source.name"))
	require.Equal(t, false, got.at("docs.1.found"))
	require.Equal(t, "index_not_found_exception", got.at("docs.2.error.type"))
	require.Equal(t, 200, e.do(t, "DELETE /"+index+"/_doc/a_1", "").status)
	require.Equal(t, 404, e.do(t, "GET /"+index+"/_doc/a_1", "").status)
}

func (e *elasticsearch) visible(t *testing.T, index string) any {
	t.Helper()
	return e.do(t, "POST /"+index+"/_search", `{"query":{"term":{"name":"a"}}}`).at("hits.total.value")
}

func searchSeesRefreshed(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	e.create(t, index, "a", 1)
	require.EqualValues(t, 0, e.visible(t, index))
	require.Equal(t, 200, e.do(t, "POST /"+index+"/_refresh", "").status)
	require.EqualValues(t, 1, e.visible(t, index))
	e.do(t, "DELETE /"+index+"/_doc/a_1", "")
	require.EqualValues(t, 1, e.visible(t, index), "a deletion is not seen either")
	other := e.index(t, "-other")
	require.Equal(t, 200, e.do(t, "POST /"+other+"/_refresh", "").status)
	require.EqualValues(t, 1, e.visible(t, index), "a refresh is for its index")
	e.do(t, "PUT /"+index+"/_doc/b?refresh=true", versionOf("b", 1))
	require.EqualValues(t, 0, e.visible(t, index), "a write that asks for it refreshes all")
}

func refreshComesByItself(t *testing.T, e *elasticsearch) {
	index := e.prefix
	require.Equal(t, 200, e.do(t, "PUT /"+index, `{`+versionsMapping+`}`).status)
	require.EqualValues(t, 0, e.visible(t, index)) // a real index is refreshed by itself only when it is searched
	e.create(t, index, "a", 1)
	require.Eventually(t, func() bool { return fmt.Sprint(e.visible(t, index)) == "1" }, patience, 10*time.Millisecond)
}

func waitForRefresh(t *testing.T, e *elasticsearch) {
	index := e.prefix
	require.Equal(t, 200, e.do(t, "PUT /"+index, `{"settings":{"refresh_interval":"200ms"},`+versionsMapping+`}`).status)
	for version := range 3 {
		a := e.do(t, fmt.Sprintf("PUT /%s/_doc/%d?refresh=wait_for", index, version), versionOf("a", version))
		require.Equal(t, 201, a.status)
		require.EqualValues(t, version+1, e.visible(t, index))
	}
}

func escapedIDs(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	for escaped, id := range map[string]string{"a%2Fb": "a/b", "%3F%23": "?#", "a+b%20c": "a+b c", "%E4%B8%96": "世", "%25%32%46": "%2F", "_x": "_x", strings.Repeat("i", 512): strings.Repeat("i", 512)} {
		require.Equal(t, 201, e.do(t, "PUT /"+index+"/_doc/"+escaped, versionOf("e", 1)).status, escaped)
		require.Equal(t, id, e.do(t, "GET /"+index+"/_doc/"+escaped, "").at("_id"))
	}
	require.Equal(t, 400, e.do(t, "PUT /"+index+"/_doc/"+strings.Repeat("i", 513), versionOf("e", 1)).status)
}

// series makes an index NAME-000001 behind the alias NAME to be rolled over.
func (e *elasticsearch) series(t *testing.T) (first, second string) {
	t.Helper()
	require.Equal(t, 200, e.do(t, "PUT /_index_template/"+e.prefix, `{"index_patterns":["`+e.prefix+`-*"],"template":{`+versionsMapping+`}}`).status)
	first, second = e.prefix+"-000001", e.prefix+"-000002"
	require.Equal(t, 200, e.do(t, "PUT /"+first, `{"aliases":{"`+e.prefix+`":{"is_write_index":true}}}`).status)
	return first, second
}

// blockThenRollover has writers at work all the time: what was acknowledged is there, each id once,
// and nothing gets into the old index after it is blocked.
func blockThenRollover(t *testing.T, e *elasticsearch) {
	first, second := e.series(t)
	const writers = 8
	done := make(chan struct{})
	acknowledged := make([][]string, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				id := fmt.Sprintf("%d_%d", w, n)
				if status, _, err := e.send("PUT /"+e.prefix+"/_doc/"+id+"?op_type=create", versionOf("a", n)); err == nil && status == 201 {
					acknowledged[w] = append(acknowledged[w], id)
				}
			}
		})
	}
	require.Equal(t, 200, e.do(t, "PUT /"+first+"/_block/write", "").status)
	e.do(t, "POST /"+first+"/_refresh", "")
	atBlock := e.do(t, "POST /"+first+"/_count", "").at("count")
	require.Equal(t, 403, e.create(t, first, "late", 1).status)
	require.Equal(t, true, e.do(t, "POST /"+e.prefix+"/_rollover/"+second, "").at("rolled_over"))
	require.Eventually(t, func() bool { return e.do(t, "GET /"+second+"/_search", `{"size":1}`).at("hits.hits.0") != nil }, patience, 20*time.Millisecond)
	close(done)
	all.Wait()

	e.do(t, "POST /"+e.prefix+"/_refresh", "")
	require.Equal(t, atBlock, e.do(t, "POST /"+first+"/_count", "").at("count"), "written after the block")
	for _, ids := range acknowledged {
		for _, id := range ids {
			docs := e.do(t, "POST /_mget", fmt.Sprintf(`{"docs":[{"_index":%q,"_id":%q},{"_index":%q,"_id":%q}]}`, first, id, second, id))
			require.NotEqual(t, docs.at("docs.0.found"), docs.at("docs.1.found"), id)
		}
	}
}

func rolloverOnce(t *testing.T, e *elasticsearch) {
	_, second := e.series(t)
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i], _, _ = e.send("POST /"+e.prefix+"/_rollover/"+second, "") }) // an error is status 0
	}
	all.Wait()
	rolled := 0
	for _, status := range statuses {
		if status == 200 {
			rolled++
		} else {
			require.Equal(t, 400, status)
		}
	}
	require.Equal(t, 1, rolled)
	aliases := e.do(t, "GET /_alias/"+e.prefix, "")
	require.Equal(t, true, aliases.body[second].(map[string]any)["aliases"].(map[string]any)[e.prefix].(map[string]any)["is_write_index"])
}

// page reads all hits in pages and returns their ids, and how many pages there were.
func (e *elasticsearch) page(t *testing.T, request, search string) (ids []string) {
	t.Helper()
	after := ""
	for {
		a := e.do(t, request, "{"+search+after+"}")
		require.Equal(t, 200, a.status, a.body)
		hits := a.hits()
		if len(hits) == 0 {
			return ids
		}
		for i := range hits {
			ids = append(ids, a.at(fmt.Sprintf("hits.hits.%d._id", i)).(string))
		}
		last, err := json.Marshal(a.at(fmt.Sprintf("hits.hits.%d.sort", len(hits)-1)))
		require.NoError(t, err)
		after = `,"search_after":` + string(last)
	}
}

func pointInTime(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	e.fill(t, index, 100)
	id := e.do(t, "POST /"+index+"/_pit?keep_alive=1m", "").at("id").(string)
	e.do(t, "DELETE /"+index+"/_doc/5?refresh=true", "")
	e.do(t, "PUT /"+index+"/_doc/new?refresh=true", versionOf("a", 1000))
	search := `"pit":{"id":"` + id + `","keep_alive":"1m"},"sort":["name",{"version":"desc"}],"size":7,"track_total_hits":false`
	ids := e.page(t, "POST /_search", search)
	require.Len(t, ids, 100)
	require.Contains(t, ids, "5")
	require.NotContains(t, ids, "new")
	require.Len(t, e.page(t, "POST /"+index+"/_search", `"sort":["name",{"version":"desc"}],"size":50`), 100)
	require.EqualValues(t, 1, e.do(t, "DELETE /_pit", `{"id":"`+id+`"}`).at("num_freed"))
	gone := e.do(t, "POST /_search", `{"pit":{"id":"`+id+`"}}`)
	require.Equal(t, 404, gone.status)
	require.Equal(t, "search_context_missing_exception", gone.at("error.root_cause.0.type"))
}

func searchAfter(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	e.fill(t, index, 100)
	for _, sort := range []string{`["name","version"]`, `[{"name":"desc"},{"version":"asc"}]`, `["version"]`, `[{"version":"desc"}]`, `["_id"]`, `[{"_id":"desc"}]`, `[{"hash":"asc"},"version"]`} {
		whole := e.page(t, "POST /"+index+"/_search", `"size":1000,"sort":`+sort)
		require.Len(t, whole, 100)
		require.Equal(t, whole, e.page(t, "POST /"+index+"/_search", `"size":9,"sort":`+sort), sort)
		some := `"query":{"range":{"version":{"from":10,"to":40,"include_lower":true,"include_upper":false}}},"sort":` + sort
		require.Equal(t, e.page(t, "POST /"+index+"/_search", `"size":1000,`+some), e.page(t, "POST /"+index+"/_search", `"size":4,`+some), sort)
	}
	require.Equal(t, 400, e.do(t, "POST /"+index+"/_search", `{"from":9999,"size":2}`).status)
}

func aggregationAcrossIndices(t *testing.T, e *elasticsearch) {
	first, second := e.series(t)
	for version := range 3 {
		e.create(t, first, "both", version)
	}
	e.create(t, first, "once", 0)
	require.Equal(t, 200, e.do(t, "POST /"+e.prefix+"/_rollover", "").status)
	for version := 3; version < 5; version++ {
		e.create(t, second, "both", version)
	}
	e.do(t, "POST /"+e.prefix+"/_refresh", "")
	a := e.do(t, "POST /"+e.prefix+"/_search", `{"size":0,"aggs":{"by":{"terms":{"field":"name","min_doc_count":5,"size":10},"aggs":{"least":{"min":{"field":"version"}}}}}}`)
	require.Equal(t, "both", a.at("aggregations.by.buckets.0.key"))
	require.EqualValues(t, 5, a.at("aggregations.by.buckets.0.doc_count"))
	require.EqualValues(t, 0, a.at("aggregations.by.buckets.0.least.value"))
	require.Nil(t, a.at("aggregations.by.buckets.1"))
}

func bulkOneByOne(t *testing.T, e *elasticsearch) {
	index := e.index(t, "")
	e.create(t, index, "a", 1)
	a := e.do(t, "POST /"+index+"/_bulk", strings.Join([]string{`{"create":{"_id":"a_1"}}`, versionOf("a", 1), `{"index":{"_id":"b"}}`, versionOf("b", 1),
		`{"index":{"_id":"c"}}`, `{"unknown":1}`, `{"delete":{"_id":"a_1"}}`, ""}, "\n"))
	require.Equal(t, 200, a.status)
	require.Equal(t, true, a.at("errors"))
	require.EqualValues(t, 409, a.at("items.0.create.status"))
	require.EqualValues(t, 201, a.at("items.1.index.status"))
	require.Equal(t, "strict_dynamic_mapping_exception", a.at("items.2.index.error.type"))
	require.Equal(t, "deleted", a.at("items.3.delete.result"))
}

func tooLarge(t *testing.T, e *elasticsearch) {
	status, _, err := e.send("PUT /"+e.prefix+"/_doc/1", `{"a":"`+strings.Repeat("x", 100<<20)+`"}`)
	if err == nil { // a server may hang up on what it has not read
		require.Equal(t, http.StatusRequestEntityTooLarge, status)
	}
	require.Equal(t, 200, e.do(t, "GET /", "").status)
}
