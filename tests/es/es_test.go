// Package es tests gostore/common/es with a running Elasticsearch. It is here and not beside the
// code because common must not depend on tests.
package es

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/common/es"
	"gostore/common/metrics"
	"gostore/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const timeout = 2 * time.Minute

// server is an Elasticsearch, and a series of indices on it for one test.
type server struct {
	url, index string
	servers    stack.Servers
}

func start(t *testing.T) *server {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	servers, err := stack.Acquire(ctx, stack.Request{Ways: stack.ForTests(), Log: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	s := &server{url: servers.URLs().Elasticsearch, index: "test-" + strings.ToLower(rand.Text()[:10]), servers: servers}
	t.Cleanup(func() {
		s.request(t, http.MethodDelete, "/"+s.index+"-*", "")
		s.request(t, http.MethodDelete, "/_index_template/"+s.index, "")
		http.DefaultClient.CloseIdleConnections()
		require.NoError(t, servers.Close(context.Background()))
	})
	return s
}

func (s *server) client(t *testing.T) *es.Client {
	c, err := es.New(es.Config{URL: s.url, Index: s.index, MaxAge: "30d", MaxSize: "20gb"}, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// request sends a request to Elasticsearch by hand.
func (s *server) request(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func add(t *testing.T, c *es.Client, m es.Metadata) int64 {
	t.Helper()
	version, err := c.Add(t.Context(), m)
	require.NoError(t, err)
	return version
}

func all(t *testing.T, c *es.Client, name string) (list []es.Metadata) {
	t.Helper()
	require.NoError(t, c.Each(t.Context(), name, func(m es.Metadata) error { list = append(list, m); return nil }))
	return list
}

func TestAddAndRead(t *testing.T) {
	s := start(t)
	one, other := s.client(t), s.client(t)
	_, err := one.Latest(t.Context(), "x")
	require.ErrorIs(t, err, es.ErrNotFound)
	first := es.Metadata{Name: "x", Version: 1, Size: 3, Hash: "h1", Meta: map[string]string{"Color": "red"}}
	require.EqualValues(t, 1, add(t, one, first))
	second := es.Metadata{Name: "x", Version: 2, Size: 4, Hash: "h2"}
	require.EqualValues(t, 2, add(t, other, second))
	for _, c := range []*es.Client{one, other, s.client(t)} {
		latest, err := c.Latest(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, second, latest)
		old, err := c.Version(t.Context(), "x", 1)
		require.NoError(t, err)
		require.Equal(t, first, old)
		_, err = c.Version(t.Context(), "x", 3)
		require.ErrorIs(t, err, es.ErrNotFound)
		require.Equal(t, []es.Metadata{first, second}, all(t, c, "x"))
	}
}

// TestNamesAreNotWords has names that a text field, or an id that is not escaped, would confuse.
func TestNamesAreNotWords(t *testing.T) {
	c := start(t).client(t)
	names := []string{"a", "a b", "A", "a/b", "a_1", "a_1_1", "a*", "?", "%2F", "..", "é", "对象 存储", strings.Repeat("n", 500), `"quoted"`, "a+b&c=d"}
	for i, name := range names {
		require.EqualValues(t, 1, add(t, c, es.Metadata{Name: name, Size: int64(i)}), name)
	}
	for i, name := range names {
		latest, err := c.Latest(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, es.Metadata{Name: name, Version: 1, Size: int64(i)}, latest)
		require.Len(t, all(t, c, name), 1)
	}
	require.Len(t, all(t, c, ""), len(names))
}

// A search does not see the versions that were added just before.
func TestNewClientFindsManyVersions(t *testing.T) {
	s := start(t)
	c := s.client(t)
	for range 130 {
		add(t, c, es.Metadata{Name: "x"})
	}
	latest, err := s.client(t).Latest(t.Context(), "x")
	require.NoError(t, err)
	require.EqualValues(t, 130, latest.Version)
}

func TestEachGoesThroughPages(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	var bulk strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&bulk, "{\"create\":{\"_id\":\"x_%d\"}}\n{\"name\":\"x\",\"version\":%d,\"size\":1,\"hash\":\"\"}\n", i+2, i+2)
	}
	status, answer := s.request(t, http.MethodPost, "/"+s.index+"-000001/_bulk", bulk.String())
	require.Equal(t, http.StatusOK, status, answer)
	list := all(t, c, "")
	require.Len(t, list, 2501)
	for i, m := range list {
		require.EqualValues(t, i+1, m.Version)
	}
	stop := fmt.Errorf("enough")
	require.ErrorIs(t, c.Each(t.Context(), "x", func(es.Metadata) error { return stop }), stop)
}

// writeConcurrently has several clients add to a few names, and checks that no version is taken
// twice or missing, and that a client reads its own version, or a newer one, immediately.
func writeConcurrently(t *testing.T, s *server, meanwhile func()) {
	const writers, adds = 16, 25
	names := []string{"x", "y", "z"}
	clients := []*es.Client{s.client(t), s.client(t), s.client(t)}
	errs := make(chan error, writers)
	for w := range writers {
		go func() { errs <- writeAndRead(t.Context(), clients, w, names, adds) }()
	}
	meanwhile()
	for range writers {
		require.NoError(t, <-errs)
	}
	total := 0
	for _, name := range names {
		list := all(t, clients[0], name)
		for i, m := range list {
			require.EqualValues(t, i+1, m.Version, "versions of %s", name)
		}
		total += len(list)
	}
	require.Equal(t, writers*adds, total)
}

func writeAndRead(ctx context.Context, clients []*es.Client, w int, names []string, adds int) error {
	for i := range adds {
		name := names[i%len(names)]
		mine := es.Metadata{Name: name, Size: int64(w), Hash: fmt.Sprint(w, i)}
		version, err := clients[w%len(clients)].Add(ctx, mine)
		if err != nil {
			return err
		}
		mine.Version = version
		other := clients[(w+1)%len(clients)]
		latest, err := other.Latest(ctx, name)
		if err != nil || latest.Version < version {
			return fmt.Errorf("version %d of %s after %d was added: %w", latest.Version, name, version, err)
		}
		back, err := other.Version(ctx, name, version)
		if err != nil || back.Hash != mine.Hash {
			return fmt.Errorf("version %d of %s is %v, not %v: %w", version, name, back, mine, err)
		}
	}
	return nil
}

func TestConcurrentWriters(t *testing.T) {
	writeConcurrently(t, start(t), func() {})
}

// TestRolloverUnderWriters begins new indices while versions are added, in every way that this can
// happen: by hand, by two services at once, and by one that dies between the two steps.
func TestRolloverUnderWriters(t *testing.T) {
	s := start(t)
	writeConcurrently(t, s, func() {
		for i := range 6 {
			last, next := fmt.Sprintf("/%s-%06d", s.index, i+1), fmt.Sprintf("%s-%06d", s.index, i+2)
			require.Eventually(t, func() bool {
				status, _ := s.request(t, http.MethodGet, last+"/_mapping", "")
				return status == http.StatusOK
			}, timeout, time.Millisecond)
			status, answer := s.request(t, http.MethodPut, last+"/_block/write", "")
			require.Equal(t, http.StatusOK, status, answer)
			if i%2 == 0 {
				continue // it died here: writers meet the block
			}
			s.request(t, http.MethodPost, "/"+s.index+"/_rollover/"+next, "") // a writer may be first
		}
	})
	status, answer := s.request(t, http.MethodGet, "/_alias/"+s.index, "")
	require.Equal(t, http.StatusOK, status)
	require.GreaterOrEqual(t, strings.Count(answer, "is_write_index"), 6, answer)
}

func TestCheckBeginsNewIndex(t *testing.T) {
	s := start(t)
	c, err := es.New(es.Config{URL: s.url, Index: s.index, MaxAge: "1s", MaxSize: "20gb"}, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer c.Close()
	require.EqualValues(t, 1, add(t, c, es.Metadata{Name: "x"}))
	require.Eventually(t, func() bool {
		require.NoError(t, c.Check(t.Context()))
		status, _ := s.request(t, http.MethodGet, "/"+s.index+"-000002/_mapping", "")
		return status == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)
	require.EqualValues(t, 2, add(t, c, es.Metadata{Name: "x"}))
	require.Len(t, all(t, c, "x"), 2)
	old, err := c.Version(t.Context(), "x", 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, old.Version)
}

func TestManyStartAtOnce(t *testing.T) {
	s := start(t)
	var starting sync.WaitGroup
	for range 8 {
		c := s.client(t)
		starting.Go(func() {
			if err := c.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
}

func TestUnreachable(t *testing.T) {
	c, err := es.New(es.Config{URL: "127.0.0.1:1", Index: "x"}, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer c.Close()
	for range 3 {
		require.ErrorIs(t, c.Ready(t.Context()), es.ErrUnreachable)
		_, err = c.Add(t.Context(), es.Metadata{Name: "x"})
		require.ErrorIs(t, err, es.ErrUnreachable)
		_, err = c.Latest(t.Context(), "x")
		require.ErrorIs(t, err, es.ErrUnreachable)
		require.ErrorIs(t, c.Each(t.Context(), "x", nil), es.ErrUnreachable)
	}
}
