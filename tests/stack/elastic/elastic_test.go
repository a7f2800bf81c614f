package elastic_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/tests/stack/elastic"
)

// childDir, in the environment, makes this test binary a server that waits to be killed.
const childDir = "ELASTIC_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		server, err := elastic.Listen("127.0.0.1:0", dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(server.URL())
		select {}
	}
	os.Exit(m.Run())
}

const mapping = `{"mappings":{"properties":{"name":{"type":"keyword"},"version":{"type":"long"},"size":{"type":"long"},"hash":{"type":"keyword"}}}}`

func listen(t testing.TB, addr, dir string) *elastic.Server {
	server, err := elastic.Listen(addr, dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

func send(method, url, body string) (int, map[string]any, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() // read to its end
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	var object map[string]any
	return response.StatusCode, object, json.Unmarshal(content, &object)
}

func must(t testing.TB, method, url, body string) map[string]any {
	t.Helper()
	status, object, err := send(method, url, body)
	require.NoError(t, err)
	require.Less(t, status, 300, object)
	return object
}

func document(name string, version int) string {
	return fmt.Sprintf(`{"name":%q,"version":%d,"size":%d,"hash":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}`, name, version, version)
}

// fill makes an index of n documents, ten of each name, in an order far from sorted.
func fill(t testing.TB, url string, n int) {
	t.Helper()
	must(t, http.MethodPut, url, mapping)
	const atOnce = 5000
	for from := 0; from < n; from += atOnce {
		var lines bytes.Buffer
		for i := from; i < min(n, from+atOnce); i++ {
			k := i * 7919 % n
			fmt.Fprintf(&lines, "{\"create\":{\"_id\":\"%d\"}}\n%s\n", k, document(fmt.Sprintf("name-%06d", k/10), k%10))
		}
		require.Equal(t, false, must(t, http.MethodPost, url+"/_bulk", lines.String())["errors"])
	}
	must(t, http.MethodPost, url+"/_refresh", "")
}

func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(line) + "/kept"
	must(t, http.MethodPut, url, mapping)

	const writers = 8
	acknowledged := make([]int, writers) // how many, of each
	var all sync.WaitGroup
	var total atomic.Int64
	for w := range writers {
		all.Go(func() {
			for n := 0; ; n++ {
				status, _, err := send(http.MethodPut, fmt.Sprintf("%s/_doc/%d_%d?op_type=create", url, w, n), document(fmt.Sprint(w), n))
				if err != nil || status != http.StatusCreated {
					return
				}
				acknowledged[w] = n + 1
				total.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return total.Load() > 500 }, 30*time.Second, time.Millisecond)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	all.Wait()

	url = listen(t, "127.0.0.1:0", dir).URL() + "/kept"
	for w, n := range acknowledged {
		for i := range n {
			must(t, http.MethodGet, fmt.Sprintf("%s/_doc/%d_%d", url, w, i), "")
		}
		count := must(t, http.MethodPost, url+"/_count", fmt.Sprintf(`{"query":{"term":{"name":"%d"}}}`, w))["count"].(float64)
		require.GreaterOrEqual(t, int(count), n)
		require.LessOrEqual(t, int(count), n+1, "one more may have been written and not answered")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	server, err := elastic.Listen("127.0.0.1:0", dir)
	require.NoError(t, err)
	must(t, http.MethodPut, server.URL()+"/a", `{"settings":{"refresh_interval":"-1"}}`)
	must(t, http.MethodPost, server.URL()+"/a/_pit?keep_alive=1h", "")
	var waiting sync.WaitGroup
	waiting.Go(func() { _, _, _ = send(http.MethodPut, server.URL()+"/a/_doc/1?refresh=wait_for", `{"n":1}`) }) // it is cut off
	require.Eventually(t, func() bool {
		status, _, err := send(http.MethodGet, server.URL()+"/a/_doc/1", "")
		return err == nil && status == http.StatusOK
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, server.Close())
	require.NoError(t, server.Close(), "a second time")
	waiting.Wait()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)

	again := listen(t, server.Addr(), dir)
	must(t, http.MethodGet, again.URL()+"/a/_doc/1", "")
}

func TestDirIsForOneServer(t *testing.T) {
	dir := t.TempDir()
	listen(t, "127.0.0.1:0", dir)
	_, err := elastic.Listen("127.0.0.1:0", dir)
	require.Error(t, err)
}

// pages goes through an index by search_after and returns how many hits there were, all in order.
func pages(t *testing.T, url, search string) (n int) {
	t.Helper()
	last, after := "", ""
	for {
		hits := must(t, http.MethodPost, url, "{"+search+after+"}")["hits"].(map[string]any)["hits"].([]any)
		if len(hits) == 0 {
			return n
		}
		for _, h := range hits {
			sort := h.(map[string]any)["sort"].([]any)
			at := fmt.Sprintf("%s %v", sort[0], sort[1])
			require.Greater(t, at, last)
			last = at
			n++
		}
		sort, err := json.Marshal(hits[len(hits)-1].(map[string]any)["sort"])
		require.NoError(t, err)
		after = `,"search_after":` + string(sort)
	}
}

func TestManyDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const n = 20_000
	root := listen(t, "127.0.0.1:0", t.TempDir()).URL()
	url := root + "/many"
	fill(t, url, n)
	const order = `"sort":[{"name":"asc"},{"version":"asc"}],"size":1000`
	pit := must(t, http.MethodPost, url+"/_pit?keep_alive=1m", "")["id"].(string)
	must(t, http.MethodDelete, url+"/_doc/5?refresh=true", "")
	require.Equal(t, n, pages(t, root+"/_search", order+`,"track_total_hits":false,"pit":{"id":"`+pit+`"}`))
	must(t, http.MethodDelete, root+"/_pit", `{"id":"`+pit+`"}`)
	require.Equal(t, n-1, pages(t, url+"/_search", order))

	found := must(t, http.MethodPost, url+"/_search", `{"query":{"term":{"name":"name-000700"}},"sort":[{"version":"desc"}],"size":1}`)
	require.EqualValues(t, 9, found["hits"].(map[string]any)["hits"].([]any)[0].(map[string]any)["sort"].([]any)[0])
	aggregated := must(t, http.MethodPost, url+"/_search", `{"size":0,"aggs":{"by":{"terms":{"field":"name","min_doc_count":10,"size":20000}}}}`)
	require.Len(t, aggregated["aggregations"].(map[string]any)["by"].(map[string]any)["buckets"], n/10-1)
}

func BenchmarkCreate(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = clients
			url := listen(b, "127.0.0.1:0", b.TempDir()).URL() + "/bench"
			must(b, http.MethodPut, url, mapping)
			var next atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range clients {
				all.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						status, _, err := send(http.MethodPut, fmt.Sprintf("%s/_doc/%d?op_type=create", url, i), document(fmt.Sprint(i), 1))
						if err != nil || status != http.StatusCreated {
							b.Error(status, err)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}

func BenchmarkRead(b *testing.B) {
	url := listen(b, "127.0.0.1:0", b.TempDir()).URL() + "/bench"
	fill(b, url, 100_000)
	for _, bench := range []struct{ name, method, path, body string }{
		{"get", http.MethodGet, "/_doc/70000", ""},
		{"term-sorted", http.MethodPost, "/_search", `{"query":{"term":{"name":"name-000700"}},"sort":[{"version":"desc"}],"size":1}`},
		{"page-of-1000", http.MethodPost, "/_search", `{"sort":["name","version"],"size":1000,"search_after":["name-005000",3]}`},
		{"terms-aggregation", http.MethodPost, "/_search", `{"size":0,"aggs":{"by":{"terms":{"field":"name","min_doc_count":11}}}}`},
		{"scan", http.MethodPost, "/_search", `{"query":{"range":{"size":{"gte":5}}},"sort":["hash"],"size":10,"track_total_hits":true}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				must(b, bench.method, url+bench.path, bench.body)
			}
		})
	}
}
