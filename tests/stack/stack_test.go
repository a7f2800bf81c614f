package stack_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/stack"
)

// childDir is the environment variable that makes this test binary take a lease in that directory
// and wait to be killed.
const childDir = "STACK_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		holdLease(dir)
	}
	os.Exit(m.Run())
}

func holdLease(dir string) {
	servers, err := stack.Acquire(context.Background(), embeddedIn(dir, func(string) {}))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(servers.URLs().RabbitMQ)
	select {}
}

// embeddedIn requests an embedded pair in dir.
func embeddedIn(dir string, log func(string)) stack.Request {
	return stack.Request{Ways: []stack.Way{stack.Embedded}, Dir: dir, BrokerOnly: true, Log: log}
}

func acquire(t *testing.T, dir string) stack.Servers {
	t.Setenv("STACK", "embedded")
	servers, err := stack.Acquire(t.Context(), embeddedIn(dir, func(line string) { t.Log(line) }))
	require.NoError(t, err)
	return servers
}

// answers reports whether the server at that URL accepts connections.
func answers(t *testing.T, broker string) bool {
	u, err := url.Parse(broker)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", u.Host)
	if err == nil {
		require.NoError(t, conn.Close())
	}
	return err == nil
}

func requireStopped(t *testing.T, broker string) {
	t.Helper()
	require.Eventually(t, func() bool { return !answers(t, broker) }, 10*time.Second, 10*time.Millisecond)
}

func TestPairRunsWhileLeased(t *testing.T) {
	dir := t.TempDir()
	first, second := acquire(t, dir), acquire(t, dir)
	require.Equal(t, first.URLs(), second.URLs())
	require.NoError(t, first.Close(t.Context()))
	require.True(t, answers(t, second.URLs().RabbitMQ))
	require.NoError(t, second.Close(t.Context()))
	requireStopped(t, second.URLs().RabbitMQ)

	third := acquire(t, dir)
	require.True(t, answers(t, third.URLs().RabbitMQ), "the same location serves again")
	require.NoError(t, third.Close(t.Context()))
	requireStopped(t, third.URLs().RabbitMQ)
}

func TestEachDirHasAPair(t *testing.T) {
	one, other := acquire(t, t.TempDir()), acquire(t, t.TempDir())
	require.NotEqual(t, one.URLs(), other.URLs())
	require.NoError(t, one.Close(t.Context()))
	require.NoError(t, other.Close(t.Context()))
	requireStopped(t, one.URLs().RabbitMQ)
	requireStopped(t, other.URLs().RabbitMQ)
}

func TestKilledHolderLeavesNothing(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "STACK=embedded", childDir+"="+t.TempDir())
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	broker := strings.TrimSpace(line)
	require.True(t, answers(t, broker), broker)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	requireStopped(t, broker)
}

func TestBrokerKeepsItsURL(t *testing.T) {
	servers := acquire(t, t.TempDir())
	broker := servers.URLs().RabbitMQ
	for range 2 {
		require.NoError(t, servers.StopBroker(t.Context()))
		require.False(t, answers(t, broker))
		require.NoError(t, servers.StartBroker(t.Context()))
		require.True(t, answers(t, broker))
	}
	require.NoError(t, servers.Close(t.Context()))
	requireStopped(t, broker)
}

func TestElasticsearchKeepsItsURLAndData(t *testing.T) {
	t.Setenv("STACK", "embedded")
	dir := t.TempDir()
	want := embeddedIn(dir, func(line string) { t.Log(line) })
	want.BrokerOnly = false
	servers, err := stack.Acquire(t.Context(), want)
	require.NoError(t, err)
	require.Contains(t, servers.Versions(), "go-store embedded Elasticsearch 7.17.28")
	url := servers.URLs().Elasticsearch
	require.Equal(t, http.StatusCreated, send(t, http.MethodPut, url+"/durable/_doc/1", `{"n":1}`))
	for range 2 {
		require.NoError(t, servers.StopElasticsearch(t.Context()))
		require.NoError(t, servers.StopElasticsearch(t.Context()), "a second time")
		require.False(t, answers(t, url))
		require.NoError(t, servers.StartElasticsearch(t.Context()))
		require.NoError(t, servers.StartElasticsearch(t.Context()), "a second time")
		require.Equal(t, http.StatusOK, send(t, http.MethodGet, url+"/durable/_doc/1", ""))
	}
	require.NoError(t, servers.Close(t.Context()))
	requireStopped(t, url)

	servers, err = stack.Acquire(t.Context(), want)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, send(t, http.MethodGet, servers.URLs().Elasticsearch+"/durable/_doc/1", ""), "the data is in dir")
	require.NoError(t, servers.Close(t.Context()))
}

// send returns the status of the answer.
func send(t *testing.T, method, url, body string) int {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestBrokerOnlyHasNoElasticsearch(t *testing.T) {
	servers := acquire(t, t.TempDir())
	require.Empty(t, servers.URLs().Elasticsearch)
	require.ErrorContains(t, servers.StopElasticsearch(t.Context()), stack.ErrUnsupported.Error())
	require.NoError(t, servers.Close(t.Context()))
}

func TestGiven(t *testing.T) {
	own := acquire(t, t.TempDir())
	defer own.Close(t.Context()) //nolint:errcheck // the end of the process gives up the lease too
	t.Setenv("STACK", "given")
	t.Setenv("RABBITMQ_SERVER", own.URLs().RabbitMQ)
	given, err := stack.Acquire(t.Context(), stack.Request{BrokerOnly: true, Log: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	require.Equal(t, own.URLs().RabbitMQ, given.URLs().RabbitMQ)
	require.Contains(t, given.Versions(), "broker")
	require.ErrorIs(t, given.StopBroker(t.Context()), stack.ErrUnsupported)
	require.ErrorIs(t, given.StopElasticsearch(t.Context()), stack.ErrUnsupported)
	require.ErrorIs(t, given.StartElasticsearch(t.Context()), stack.ErrUnsupported)
	require.NoError(t, given.Close(t.Context()))
	require.True(t, answers(t, own.URLs().RabbitMQ), "a given server is not stopped")
}

func TestForcedWayHasNoFallback(t *testing.T) {
	t.Setenv("RABBITMQ_SERVER", "")
	for forced, reason := range map[string]string{
		"given":   "RABBITMQ_SERVER is not set",
		"nowhere": "STACK=nowhere",
	} {
		t.Setenv("STACK", forced)
		_, err := stack.Acquire(t.Context(), stack.Request{Ways: stack.ForTests(), Log: func(string) {}})
		require.ErrorContains(t, err, reason)
	}
}

func TestSkippedWayIsNamed(t *testing.T) {
	t.Setenv("STACK", "")
	t.Setenv("RABBITMQ_SERVER", "")
	var lines []string
	servers, err := stack.Acquire(t.Context(), stack.Request{
		Ways: stack.ForStartup(), Dir: t.TempDir(), BrokerOnly: true, Log: func(line string) { lines = append(lines, line) },
	})
	require.NoError(t, err)
	require.NoError(t, servers.Close(t.Context()))
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "given: unavailable: RABBITMQ_SERVER is not set")
	require.Contains(t, lines[1], "embedded: ")
}

func TestExclusive(t *testing.T) {
	t.Setenv("STACK", "embedded")
	t.Setenv("RABBITMQ_IMAGE", "none") // gives this test pairs that suites running concurrently do not use
	exclusive := stack.Request{Exclusive: true, Log: func(line string) { t.Log(line) }}
	first, err := stack.Acquire(t.Context(), exclusive)
	require.NoError(t, err)
	second, err := stack.Acquire(t.Context(), exclusive)
	require.NoError(t, err)
	require.NotEqual(t, first.URLs(), second.URLs())
	require.NoError(t, first.StopBroker(t.Context()))
	require.NoError(t, first.StopElasticsearch(t.Context()))
	require.NoError(t, first.Close(t.Context()))
	require.Eventually(t, func() bool {
		next, err := stack.Acquire(t.Context(), exclusive)
		if err != nil {
			return false
		}
		defer next.Close(t.Context()) //nolint:errcheck // the end of the process gives up the lease too
		return next.URLs() == first.URLs() && answers(t, next.URLs().RabbitMQ) && answers(t, next.URLs().Elasticsearch)
	}, 10*time.Second, 10*time.Millisecond, "the released pair, with both servers running")
	require.NoError(t, second.Close(t.Context()))
}
