package watch

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// openPage serves a page for chapter 1, the simplest.
func openPage(t *testing.T, servers stack.Servers) (*Page, *cluster.Cluster) {
	t.Helper()
	ports, err := cluster.ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ports.Release()) })
	addresses, err := ports.Take(2)
	require.NoError(t, err)
	chapter, err := filepath.Abs("../../v1")
	require.NoError(t, err)
	dir := t.TempDir()
	c, err := cluster.Start(t.Context(), cluster.Config{Chapter: chapter, Dir: dir, APIServices: addresses[:1], DebugAddresses: addresses[1:]})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	page, err := Open(Config{
		Chapter: chapter, Logs: filepath.Join(dir, "log"), Port: 0, Cluster: c, Servers: servers,
		Started: func(*cluster.Process) {},
	})
	require.NoError(t, err)
	return page, c
}

func (p *Page) address() string { return strings.Split(p.URL(), "#")[0] }

// TestClosedPageCostsNothing opens the stream of events, and has nothing run when it is closed.
func TestClosedPageCostsNothing(t *testing.T) {
	page, _ := openPage(t, nil)
	before := goleak.IgnoreCurrent()
	client := &http.Client{Transport: &http.Transport{}}
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.address()+"events", nil)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close() // it was left
	require.Equal(t, alive, nextState(t, bufio.NewScanner(answer.Body)).Services[0].State)
	leave()
	client.CloseIdleConnections()
	goleak.VerifyNone(t, before)
	require.NoError(t, page.Close())
}

// nextState reads events up to one that has the state.
func nextState(t *testing.T, lines *bufio.Scanner) (s state) {
	t.Helper()
	for lines.Scan() {
		if lines.Text() != "event: state" {
			continue
		}
		require.True(t, lines.Scan())
		require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &s))
		return s
	}
	require.NoError(t, lines.Err())
	t.Fatal("the stream ended")
	return s
}

// TestCloseEndsStreams closes the page while a browser has it open. The services go on.
func TestCloseEndsStreams(t *testing.T) {
	page, c := openPage(t, nil)
	answer, err := http.Get(page.address() + "events")
	require.NoError(t, err)
	defer answer.Body.Close() // read to its end
	lines := bufio.NewScanner(answer.Body)
	nextState(t, lines)
	begun := time.Now()
	require.NoError(t, page.Close())
	require.Less(t, time.Since(begun), closeTimeout)
	for lines.Scan() { // up to the end
	}
	require.NoError(t, c.AwaitHealthy(t.Context()))
}

// servers are Servers that only know whether they run.
type servers struct {
	stack.Servers
	running map[string]bool
}

func (s servers) set(name string, running bool) error { s.running[name] = running; return nil }

func (s servers) StopBroker(context.Context) error         { return s.set(broker, false) }
func (s servers) StartBroker(context.Context) error        { return s.set(broker, true) }
func (s servers) StopElasticsearch(context.Context) error  { return s.set(elasticsearch, false) }
func (s servers) StartElasticsearch(context.Context) error { return s.set(elasticsearch, true) }

// TestCloseStartsWhatThePageHasStopped: the page never stops a server for good.
func TestCloseStartsWhatThePageHasStopped(t *testing.T) {
	running := map[string]bool{broker: true, elasticsearch: true}
	page, _ := openPage(t, servers{running: running})
	for _, name := range []string{broker, elasticsearch} {
		require.Equal(t, http.StatusOK, page.post(t, "servers/"+name+"/stop"))
		require.False(t, running[name])
	}
	require.Equal(t, http.StatusOK, page.post(t, "servers/"+elasticsearch+"/start"))
	require.True(t, running[elasticsearch])
	require.NoError(t, page.Close())
	require.True(t, running[broker])
}

func (p *Page) post(t *testing.T, path string) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.address()+path, nil)
	require.NoError(t, err)
	request.Header.Set("X-Token", p.token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

// TestActionsThatAreImpossible are refused, and harm nothing.
func TestActionsThatAreImpossible(t *testing.T) {
	page, c := openPage(t, nil)
	for path, want := range map[string]int{
		"services/server/start":                  http.StatusConflict, // it runs
		"services/server/dance":                  http.StatusNotFound,
		"services/stranger/kill":                 http.StatusNotFound,
		"servers/broker/stop":                    http.StatusConflict, // not ours
		"servers/stranger/stop":                  http.StatusNotFound,
		"services/server/files/nothing/delete":   http.StatusConflict,
		"services/server/files/..%2Flock/delete": http.StatusNotFound,
		"services/server/files/%2E%2E/corrupt":   http.StatusNotFound,
	} {
		require.Equal(t, want, page.post(t, path), path)
	}
	require.NoError(t, c.AwaitHealthy(t.Context()))
	require.FileExists(t, filepath.Join(c.API[0].Root, "lock"))
	require.NoError(t, page.Close())
}
