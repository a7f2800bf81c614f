package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/names"
	"gostore/common/rabbitmq"
	"gostore/common/requestid"
	"gostore/tests/cluster"
)

// countsTimeout is more than a service needs after an answer to have counted and logged it.
const countsTimeout = 10 * time.Second

// counts are the metrics of several services, added up by their names with labels.
type counts map[string]float64

// countsOf reads the metrics of services from their debug addresses.
func countsOf(t *testing.T, services []*cluster.Process) counts {
	t.Helper()
	sum := counts{}
	for _, p := range services {
		for line := range strings.Lines(debugPage(t, p, "/metrics")) {
			name, value, found := strings.Cut(strings.TrimSpace(line), " ")
			if !found || name == "#" {
				continue
			}
			n, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err, line)
			sum[name] += n
		}
	}
	return sum
}

// debugPage reads a page from a debug address. It uses a connection that it closes.
func debugPage(t *testing.T, p *cluster.Process, path string) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+p.Debug+path, nil)
	require.NoError(t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(text)
}

// requireMore waits until services have counted as much more than before.
func requireMore(t *testing.T, services []*cluster.Process, before, more counts) {
	t.Helper()
	Eventually(t, countsTimeout, func() error {
		now := countsOf(t, services)
		for name, n := range more {
			if now[name]-before[name] != n {
				return fmt.Errorf("%s: %v, and %v before; want %v more", name, now[name], before[name], n)
			}
		}
		return nil
	})
}

// metricsOfPutAndGet checks what the API service counts of a PUT and a GET.
func metricsOfPutAndGet(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1<<20+1) // chapter 9 does not locate smaller ones
	api := s.Cluster.API[:1]
	before := countsOf(t, api)
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
	RequireError(t, http.StatusNotFound, s.Get(t, NewName()))
	more := counts{
		`gostore_http_requests_total{handler="objects",method="PUT",status="200"}`: 1,
		`gostore_http_requests_total{handler="objects",method="GET",status="200"}`: 1,
		`gostore_http_requests_total{handler="objects",method="GET",status="404"}`: 1,
		`gostore_http_request_seconds_count{handler="objects",method="GET"}`:       2,
		`gostore_http_received_bytes_total{handler="objects"}`:                     float64(len(body)),
		`gostore_http_in_flight`: 0,
	}
	if versioning().has(s.chapter) {
		more["gostore_elasticsearch_errors_total"] = 0
	}
	requireMore(t, api, before, more)
	now := countsOf(t, api)
	sent := `gostore_http_sent_bytes_total{handler="objects"}`
	require.InDelta(t, len(body), now[sent]-before[sent], 200, "the object, and a line")
	if locating().has(s.chapter) {
		require.Greater(t, now["gostore_locate_seconds_count"], before["gostore_locate_seconds_count"])
		require.Contains(t, now, "gostore_broker_reconnects_total")
	}
	if versioning().has(s.chapter) {
		added := `gostore_elasticsearch_requests_total{status="201"}`
		require.InDelta(t, 1, now[added]-before[added], 0)
	}
}

// metricsOfShards checks what data services count of a PUT and a GET.
func metricsOfShards(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(100_000)
	before := countsOf(t, s.Cluster.Data)
	s.Put(t, name, body)
	files := float64(len(s.contentFiles(t, body)))
	requireMore(t, s.Cluster.Data, before, counts{"gostore_shards_written_total": files, "gostore_objects_known": files, "gostore_shards_read_total": 0})
	s.RequireObject(t, name, body)
	now := countsOf(t, s.Cluster.Data)
	needed := 1.0
	if redundancy().has(s.chapter) {
		needed = DataShards
	}
	require.GreaterOrEqual(t, now["gostore_shards_read_total"]-before["gostore_shards_read_total"], needed)
	require.Equal(t, before["gostore_shards_corrupt_total"], now["gostore_shards_corrupt_total"])
}

// metricsOfMissingAnswers freezes a data service: until its heartbeat is missed, it is asked.
func metricsOfMissingAnswers(t *testing.T, s *Store) {
	before := countsOf(t, s.Cluster.API[:1])
	require.NoError(t, s.Cluster.Data[0].Freeze())
	RequireError(t, http.StatusServiceUnavailable, s.Send(t, http.MethodGet, s.locateURL(NewName(), NewBody(10)), nil))
	Eventually(t, countsTimeout, func() error {
		now := countsOf(t, s.Cluster.API[:1])
		for _, name := range []string{"gostore_locate_answers_missing_total", "gostore_locate_seconds_count"} {
			if now[name] <= before[name] { // a repair may ask too
				return fmt.Errorf("%s: %v, as before", name, now[name])
			}
		}
		return nil
	})
}

// metricsOfDisks checks that each service with a disk shows how much is free, and that none shows metrics
// where clients, or API services, reach it.
func metricsOfDisks(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	for _, p := range s.storageProcesses() {
		require.Positive(t, countsOf(t, []*cluster.Process{p})["gostore_disk_free_bytes"], p.Name)
	}
	for _, p := range s.Cluster.All() {
		RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, p.URL()+"/metrics", nil))
	}
}

// metricsOfCorruption damages a file. A GET finds it, and from chapter 5 on has it repaired under its own
// request ID.
func metricsOfCorruption(t *testing.T, s *Store) {
	name, body, id := NewName(), NewBody(100_000), NewName()
	put := s.Put
	if redundancy().has(s.chapter) {
		put = s.PutSix
	}
	put(t, name, body)
	files := s.contentFiles(t, body)
	data, api := countsOf(t, s.Cluster.Data), countsOf(t, s.Cluster.API)
	for _, file := range files {
		if !redundancy().has(s.chapter) || strings.HasSuffix(file, ".0") {
			flip(t, file, 1000)
		}
	}
	Eventually(t, RepairTimeout, func() error { // a shard that comes late is not read
		_, _ = s.DoWith(t.Context(), http.MethodGet, ObjectURL(s.API[0], name), http.Header{"X-Request-Id": {id}}, nil) // chapter 4 cuts it off
		if countsOf(t, s.Cluster.Data)["gostore_shards_corrupt_total"] == data["gostore_shards_corrupt_total"] {
			return errors.New("no corrupt shard is counted")
		}
		return nil
	})
	if redundancy().has(s.chapter) {
		Eventually(t, RepairTimeout, func() error { return hasLine(s.Cluster.API[0], "msg=repaired", "request_id="+id) })
		require.Greater(t, countsOf(t, s.Cluster.API)["gostore_shards_repaired_total"], api["gostore_shards_repaired_total"])
	}
}

// hasLine returns an error unless a service has logged a line with all these parts.
func hasLine(p *cluster.Process, parts ...string) error {
	log, err := os.ReadFile(p.LogFile())
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(log)) {
		if containsAll(line, parts) {
			return nil
		}
	}
	return fmt.Errorf("%s has logged no line with %q", p.Name, parts)
}

func containsAll(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// requestIDInLogs follows a PUT: the API service logs its ID, and so do the data services that store a
// part of it.
func requestIDInLogs(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	name, body, id := NewName(), NewBody(100_000), NewName()
	header := http.Header{"Digest": {digest(body)}, "X-Request-Id": {id}}
	got := s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, body)
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, id, got.Header.Get("X-Request-Id"))
	Eventually(t, countsTimeout, func() error {
		return hasLine(s.Cluster.API[0], "method=PUT", "path=/objects/"+names.Segment(name), "request_id="+id)
	})
	if s.Servers == nil {
		return
	}
	owners := map[string]*cluster.Process{}
	for _, file := range s.stored(t, body) {
		owner := s.OwnerOf(t, file)
		owners[owner.Name] = owner
	}
	require.NotEmpty(t, owners)
	for owner := range maps.Values(owners) {
		Eventually(t, countsTimeout, func() error { return hasLine(owner, "method=PUT", "request_id="+id) })
	}
}

// stored returns the files of an object on all data services.
func (s *Store) stored(t *testing.T, body []byte) []string {
	t.Helper()
	if namedFiles().has(s.chapter) {
		return s.RequireFiles(t, 1, body[:prefixLen])
	}
	return s.contentFiles(t, body)
}

// badRequestID sends IDs that would be hard to find in a log, or would forge a line of it.
func badRequestID(t *testing.T, s *Store) {
	for _, bad := range []string{"", "a b", `a"b`, "a=b", "ü", strings.Repeat("x", 65)} {
		got := s.SendWith(t, http.MethodGet, ObjectURL(s.API[0], NewName()), http.Header{"X-Request-Id": {bad}}, nil)
		RequireError(t, http.StatusNotFound, got)
		id := got.Header.Get("X-Request-Id")
		require.Regexp(t, `^[A-Z2-7]{26}$`, id, "for %q", bad)
		if s.Cluster != nil {
			Eventually(t, countsTimeout, func() error { return hasLine(s.Cluster.API[0], "status=404", "request_id="+id) })
			require.Error(t, hasLine(s.Cluster.API[0], "request_id="+strings.Repeat("x", 65)))
		}
	}
}

// requestIDInMessages listens as a data service does: the question where an object is has the ID of the
// request that needs to know.
func requestIDInMessages(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	env := s.Cluster.API[0].Env
	listener, err := rabbitmq.New(settingOf(env, "RABBITMQ_SERVER"), settingOf(env, "RABBITMQ_PREFIX"), nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	heard := sync.Map{}
	listener.Subscribe("dataServers", func(ctx context.Context, _ rabbitmq.Message) { heard.Store(requestid.Of(ctx), true) })
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { listener.Run(ctx) })
	defer running.Wait()
	defer stop()
	Eventually(t, countsTimeout, func() error { _, err := listener.Since(); return err })
	id, body := NewName(), NewBody(1<<20+1) // chapter 9 does not locate smaller ones
	header := http.Header{"Digest": {digest(body)}, "X-Request-Id": {id}}
	require.Equal(t, http.StatusOK, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], NewName()), header, body).Status)
	Eventually(t, countsTimeout, func() error {
		if _, found := heard.Load(id); !found {
			return errors.New("no question had the ID")
		}
		return nil
	})
}

// settingOf returns the value of a setting, or "".
func settingOf(env []string, name string) string {
	for _, setting := range env {
		if value, found := strings.CutPrefix(setting, name+"="); found {
			return value
		}
	}
	return ""
}
