package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/fault/gate"
	"gostore/tests/stack/embedded"
)

// TestElasticsearchThatWillNotDo has one that API services would wait for until it is repaired: the start
// fails at once, before anything is built, with a line that says what is the matter.
func TestElasticsearchThatWillNotDo(t *testing.T) {
	for name, test := range map[string]struct {
		fault gate.Fault
		want  string
	}{
		"version 8":  {version("8.11.1"), "Elasticsearch 8.11.1 answers, 7 is needed"},
		"version 6":  {version("6.8.23"), "Elasticsearch 6.8.23 answers, 7 is needed"},
		"a password": {refusing("/", 401, "security_exception", "missing authentication credentials"), "missing authentication credentials"},
		"a template of another owner": {refusing("/_index_template/", 400, "illegal_argument_exception", "index patterns match those of existing templates [x]"),
			"existing templates [x]"},
		"read-only": {refusing("/metadata-000001", 429, "cluster_block_exception", "disk usage exceeded flood-stage watermark"), "flood-stage"},
	} {
		t.Run(name, func(t *testing.T) {
			_, set := useServers(t)
			set(test.fault)
			requireRefused(t, test.want)
		})
	}
}

// TestIndexOfTheBook has the index that the book's readers make, where there should be an alias.
func TestIndexOfTheBook(t *testing.T) {
	url, _ := useServers(t)
	request, err := http.NewRequest(http.MethodPut, url+"/metadata", strings.NewReader(`{"mappings":{"properties":{"name":{"type":"text","index":"true"}}}}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	requireRefused(t, `an index is called "metadata", which must become an alias: delete it, or set ES_INDEX to another name`)
	t.Setenv("ES_INDEX", "other")
	requireRefused(t, "cannot listen on localhost:")
}

// useServers has the next start use embedded servers, Elasticsearch behind a proxy.
func useServers(t *testing.T) (url string, set func(gate.Fault)) {
	servers, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, servers.Close(context.Background())) })
	url, set = gate.HTTP(t, servers.URLs().Elasticsearch)
	t.Setenv("STACK", "given")
	t.Setenv("RABBITMQ_SERVER", servers.URLs().RabbitMQ)
	t.Setenv("ES_SERVER", url)
	return url, set
}

func version(number string) gate.Fault {
	return func(*http.Request, string) (int, string) {
		return http.StatusOK, `{"version":{"number":"` + number + `"}}`
	}
}

// refusing refuses all requests for paths with that prefix.
func refusing(prefix string, status int, kind, reason string) gate.Fault {
	return func(r *http.Request, _ string) (int, string) {
		if !strings.HasPrefix(r.URL.Path, prefix) {
			return 0, ""
		}
		return status, fmt.Sprintf(`{"error":{"type":%q,"reason":%q},"status":%d}`, kind, reason, status)
	}
}

// requireRefused starts chapter 3. If nothing else ends that, a port does that is in use.
func requireRefused(t *testing.T, want string) {
	t.Helper()
	here, err := os.Getwd()
	require.NoError(t, err)
	defer func() { require.NoError(t, os.Chdir(here)) }()
	chapter, err := filepath.Abs("../../../v3")
	require.NoError(t, err)
	taken, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer taken.Close() // nothing was accepted
	begin := time.Now()
	err = run(t.Context(), options{chapter: chapter, dir: t.TempDir(), dataServices: 1, apiServices: 1, apiPort: taken.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, want)
	require.NotContains(t, err.Error(), "\n")
	require.Less(t, time.Since(begin), 10*time.Second)
}
