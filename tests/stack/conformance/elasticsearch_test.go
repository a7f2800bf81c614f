package conformance

import (
	"crypto/rand"

	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gostore/tests/stack"
	"gostore/tests/stack/elastic"
)

var update = flag.Bool("update", false, "write the answers of the real Elasticsearch to "+scriptFile) //nolint:gochecknoglobals // a flag

const scriptFile = "elasticsearch.txt"

func TestEmbeddedElasticsearch(t *testing.T) {
	server, err := elastic.Listen("127.0.0.1:0", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	testElasticsearch(t, server.URL())
	t.Run("RefusesTheRest", func(t *testing.T) { refusesTheRest(t, newElasticsearch(t, server.URL())) })
}

func TestElasticsearch(t *testing.T) {
	testElasticsearch(t, realServers(t, false).Elasticsearch)
}

func testElasticsearch(t *testing.T, url string) {
	t.Run("Answers", func(t *testing.T) { answers(t, newElasticsearch(t, url)) })
	t.Run("BlockThenRollover", func(t *testing.T) { blockThenRollover(t, newElasticsearch(t, url)) })
	t.Run("RefreshComesByItself", func(t *testing.T) { refreshComesByItself(t, newElasticsearch(t, url)) })
}

// elasticsearch is a client with an index prefix of its own.
type elasticsearch struct{ url, prefix string }

func newElasticsearch(t *testing.T, url string) *elasticsearch {
	e := &elasticsearch{url, "conformance-" + strings.ToLower(rand.Text())}
	t.Cleanup(func() {
		e.send(t, "DELETE /@*")
		e.send(t, "DELETE /_index_template/@")
	})
	return e
}

// send sends "METHOD /path body", in which @ stands for the prefix and \n for a line break. The
// answer has the prefix replaced in turn.
func (e *elasticsearch) send(t *testing.T, line string) (status int, answer string) {
	words := append(strings.SplitN(strings.NewReplacer("@", e.prefix, `\n`, "\n").Replace(line), " ", 3), "")
	request, err := http.NewRequest(words[0], e.url+words[1], strings.NewReader(words[2]))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	if strings.Contains(words[1], "_bulk") {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, strings.ReplaceAll(string(body), e.prefix, "@")
}

// answers sends all requests of the script and compares each answer with the line below: the real
// server's.
func answers(t *testing.T, e *elasticsearch) {
	script, err := os.ReadFile(scriptFile)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(script)), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "\t") {
			continue
		}
		status, answer := e.send(t, line)
		got := fmt.Sprintf("\t%d %s", status, stable(t, answer))
		if *update {
			lines[i+1] = got
			continue
		}
		assert.Equal(t, lines[i+1], got, line)
	}
	if *update {
		require.NoError(t, os.WriteFile(scriptFile, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
}

// stable leaves out of an answer what no client can rely on, and what is for people.
func stable(t *testing.T, answer string) string {
	if answer == "" {
		return ""
	}
	var value any
	require.NoError(t, json.Unmarshal([]byte(answer), &value), answer)
	strip(value)
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

func strip(value any) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	case map[string]any:
		for _, name := range []string{"took", "_shards", "shards_acknowledged", "indices", "_score", "max_score", "uuid", "index_uuid", "shard", "reason",
			"caused_by", "resource.type", "resource.id", "new_index", "composed_of"} {
			delete(v, name)
		}
		for _, inner := range v {
			strip(inner)
		}
	}
}

// refusesTheRest sends what the real server answers otherwise.
func refusesTheRest(t *testing.T, e *elasticsearch) {
	e.send(t, `PUT /@a {"mappings":{"properties":{"name":{"type":"keyword"},"version":{"type":"long"},"t":{"type":"text"}}}}`)
	for _, line := range []string{
		`GET /_cat/indices`, `POST /_aliases {"actions":[{"remove_index":{}}]}`, `PUT /@a/_settings {}`, `POST /@a/_pit`, `POST /@a/_count`, `GET /@a`,
		`POST /@a/_search {"aggs":{}}`, `POST /@a/_search {"query":{"range":{"version":{"gt":1}}}}`, `POST /@a/_search {"query":{"term":{"t":"x"}}}`,
		`POST /@a/_search {"from":1}`, `POST /@a/_search {"_source":false}`, `POST /@a/_search {"sort":[{"t":"asc"}]}`,
		`POST /@a/_search {"size":10001}`, `POST /@a/_search?scroll=1m`, `PUT /@b {"mappings":{"properties":{"n":{"type":"double"}}}}`,
		`PUT /@b {"settings":{"index.codec":"x"}}`, `PUT /@a/_doc/1?refresh=true {}`, `GET /@a/_stats`, `PUT /@a/_close`,
		`POST /@a/_bulk {"index":{"_id":"1"}}\n{}\n`, `POST /@a/_update/1 {}`,
	} {
		status, answer := e.send(t, line)
		require.Equal(t, http.StatusBadRequest, status, line)
		require.Contains(t, answer, "the embedded Elasticsearch does not know", line)
		require.Contains(t, answer, "see STACK=docker", line)
	}
}

// concurrently runs do in so many goroutines, and returns when all have ended.
func concurrently(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// blockThenRollover has writers at work all the time: what was acknowledged is there, each id once, and
// nothing gets into the old index after it is blocked. Of several that roll over, one does.
func blockThenRollover(t *testing.T, e *elasticsearch) {
	e.send(t, `PUT /_index_template/@ {"index_patterns":["@-*"],"template":{"mappings":{"properties":{"name":{"type":"keyword"}}}}}`)
	e.send(t, `PUT /@-000001 {"aliases":{"@":{"is_write_index":true}}}`)
	const writers = 8
	var acknowledged [writers]int
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		concurrently(writers, func(w int) {
			for n := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				if status, _ := e.send(t, fmt.Sprintf(`PUT /@/_doc/%d_%d?op_type=create&require_alias=true {"name":"a"}`, w, n)); status == http.StatusCreated {
					n++
					acknowledged[w] = n
				}
			}
		})
	})
	status, _ := e.send(t, "PUT /@-000001/_block/write")
	require.Equal(t, http.StatusOK, status)
	atBlock := e.count(t, "@-000001")
	status, _ = e.send(t, `PUT /@-000001/_doc/late {"name":"a"}`)
	require.Equal(t, http.StatusForbidden, status)
	var statuses [4]int
	concurrently(len(statuses), func(i int) { statuses[i], _ = e.send(t, "POST /@/_rollover/@-000002") })
	require.ElementsMatch(t, []int{200, 400, 400, 400}, statuses)
	require.Eventually(t, func() bool {
		return e.count(t, "@-000002") != `{"hits":{"hits":[],"total":{"relation":"eq","value":0}},"timed_out":false}`
	},
		timeout, 20*time.Millisecond)
	close(done)
	writing.Wait()
	require.Equal(t, atBlock, e.count(t, "@-000001"), "written after the block")
	for w, n := range acknowledged {
		for i := range n {
			id := fmt.Sprintf("%d_%d", w, i)
			_, answer := e.send(t, fmt.Sprintf(`GET /_mget {"docs":[{"_index":"@-000001","_id":%q},{"_index":"@-000002","_id":%q}]}`, id, id))
			require.Equal(t, 1, strings.Count(answer, `"found":true`), answer)
		}
	}
}

// count returns a search's answer for how many documents there are.
func (e *elasticsearch) count(t *testing.T, index string) string {
	e.send(t, "POST /"+index+"/_refresh")
	_, answer := e.send(t, "POST /"+index+`/_search {"size":0}`)
	return stable(t, answer)
}

func refreshComesByItself(t *testing.T, e *elasticsearch) {
	e.send(t, `PUT /@a {"mappings":{"properties":{"name":{"type":"keyword"}}}}`)
	e.send(t, `PUT /@a/_doc/1 {"name":"a"}`)
	require.Eventually(t, func() bool {
		_, answer := e.send(t, `POST /@a/_search {"query":{"term":{"name":"a"}}}`)
		return strings.Contains(answer, `"_id":"1"`)
	}, timeout, 10*time.Millisecond)
}

// realServers returns the real servers, given or in Docker, or skips the test where there are none and
// none are asked for.
func realServers(t *testing.T, brokerOnly bool) stack.URLs {
	forced := stack.Way(os.Getenv("STACK"))
	if forced == stack.Embedded {
		t.Skip("the embedded ones have tests of their own")
	}
	request := stack.Request{Ways: []stack.Way{stack.Given, stack.Docker}, Log: func(line string) { t.Log(line) }}
	request.BrokerOnly = brokerOnly && os.Getenv("RABBITMQ_SERVER") != ""
	servers, err := stack.Acquire(t.Context(), request)
	if err != nil && forced == "" {
		t.Skip("there is no real one:", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, servers.Close(t.Context())) })
	return servers.URLs()
}
