package embedded

import (
	"bufio"
	"bytes"
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

// childDir, in the environment, makes this test binary an Elasticsearch that waits to be killed.
const childDir = "EMBEDDED_TEST_CHILD_DIR"

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

// startChild returns the URL of an Elasticsearch in a process of its own, until the end of the test.
func startChild(t testing.TB, dir string) (url string, child *exec.Cmd) {
	child = exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() { kill(child) })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line), child
}

// kill ends a child, which may have ended already, and waits for that.
func kill(child *exec.Cmd) {
	_ = child.Process.Kill()
	_ = child.Wait()
}

func send(method, url, body string) (status int, answer string, err error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close() // read to its end
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

func requireOK(t testing.TB, method, url, body string) (answer string) {
	t.Helper()
	status, answer, err := send(method, url, body)
	require.NoError(t, err)
	require.Less(t, status, 300, answer)
	return answer
}

const mapping = `{"mappings":{"properties":{"name":{"type":"keyword"},"version":{"type":"long"},"size":{"type":"long"},"hash":{"type":"keyword"}}}}`

func version(name string) string {
	return fmt.Sprintf(`{"name":%q,"version":1,"size":4096,"hash":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}`, name)
}

func TestKilledElasticsearchKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	url, child := startChild(t, dir)
	requireOK(t, http.MethodPut, url+"/kept", mapping)
	var acknowledged [8]int // how many, of each writer
	var total atomic.Int64
	var writers sync.WaitGroup
	for w := range acknowledged {
		writers.Go(func() {
			for n := 0; ; n++ {
				status, _, err := send(http.MethodPut, fmt.Sprintf("%s/kept/_doc/%d_%d?op_type=create", url, w, n), version("x"))
				if err != nil || status != http.StatusCreated {
					return
				}
				acknowledged[w] = n + 1
				total.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return total.Load() > 500 }, 30*time.Second, time.Millisecond)
	kill(child)
	writers.Wait()
	url, _ = startChild(t, dir)
	for w, n := range acknowledged {
		for i := range n {
			requireOK(t, http.MethodGet, fmt.Sprintf("%s/kept/_doc/%d_%d", url, w, i), "")
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	servers, err := Start(t.Context(), Options{Dir: t.TempDir()})
	require.NoError(t, err)
	requireOK(t, http.MethodPut, servers.URLs().Elasticsearch+"/a/_doc/1", `{"n":1}`)
	require.NoError(t, servers.StopElasticsearch(t.Context()))
	require.NoError(t, servers.StartElasticsearch(t.Context()))
	requireOK(t, http.MethodGet, servers.URLs().Elasticsearch+"/a/_doc/1", "")
	require.NoError(t, servers.Close(t.Context()))
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestElasticsearchDirectoryInUse(t *testing.T) {
	used := t.TempDir()
	startChild(t, used)
	_, err := elastic.Listen("127.0.0.1:0", used)
	require.ErrorContains(t, err, "which one server can use")
}

// BenchmarkMillionVersions prints the memory of an Elasticsearch with a million versions, once they
// were listed, and after it was started again.
func BenchmarkMillionVersions(b *testing.B) {
	const n, atOnce, most = 1_000_000, 5000, 400
	dir := b.TempDir()
	url, child := startChild(b, dir)
	requireOK(b, http.MethodPut, url+"/many", mapping)
	began := time.Now()
	for from := 0; from < n; from += atOnce {
		var lines bytes.Buffer
		for i := from; i < from+atOnce; i++ {
			k := i * 7919 % n // far from sorted
			fmt.Fprintf(&lines, "{\"create\":{\"_id\":\"many-%07d_1\"}}\n%s\n", k, version(fmt.Sprintf("many-%07d", k)))
		}
		require.Contains(b, requireOK(b, http.MethodPost, url+"/many/_bulk", lines.String()), `"errors":false`)
	}
	b.Logf("created in %s", time.Since(began))
	b.ReportMetric(measure(b, url, child.Process.Pid, most), "peak-MiB")
	kill(child)
	url, child = startChild(b, dir)
	b.ReportMetric(measure(b, url, child.Process.Pid, most), "peak-MiB-restarted")
}

func measure(b *testing.B, url string, pid int, most float64) (mib float64) {
	requireOK(b, http.MethodPost, url+"/many/_refresh", "")
	start, after, pages := time.Now(), "", 0
	for ; ; pages++ {
		search := `{"sort":[{"name":{"order":"asc"}},{"version":{"order":"asc"}}],"size":1000,"track_total_hits":false` + after + `}`
		answer := requireOK(b, http.MethodPost, url+"/many/_search", search)
		at := strings.LastIndex(answer, `"name":"`)
		if at < 0 {
			break
		}
		after = `,"search_after":["` + answer[at+8:at+20] + `",1]`
	}
	require.Equal(b, 1000, pages)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(line, &mib)
	require.NoError(b, err)
	b.Logf("%d pages in %s, peak memory %.0f MiB", pages, time.Since(start), mib/1024)
	require.LessOrEqual(b, mib/1024, most)
	return mib / 1024
}
