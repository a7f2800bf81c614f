package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
	"gostore/tests/fault/gate"
	"gostore/tests/stack"
	"gostore/tests/suite"
)

// MaintenanceTests lists the tests of what chapter 8 adds.
func MaintenanceTests() []suite.Test {
	return []suite.Test{
		{Name: "PutStallsOverAPass", Run: putStallsOverAPass, Needs: suite.Exclusive},
		{Name: "FrozenBeforeItsVersion", Run: frozenBeforeItsVersion, Needs: suite.Exclusive},
		{Name: "ClaimedContentStays", Run: claimedContentStays, Needs: suite.Exclusive},
		{Name: "UploadAwaitsItsVersion", Run: uploadAwaitsItsVersion, Needs: suite.Exclusive},
		{Name: "DoubtRemovesNothing", Run: doubtRemovesNothing, Needs: suite.Exclusive},
		{Name: "OrphansGoInTheEnd", Run: orphansGoInTheEnd, Needs: suite.Exclusive},
		{Name: "CollectorUnderLoad", Run: collectorUnderLoad, Needs: suite.Exclusive},
	}
}

// collecting are the settings with which the collector is at its fastest.
func collecting(more ...string) []string {
	return append([]string{"ORPHAN_AGE=1s", "KEEP_VERSIONS=1", "MAINTENANCE_FORCE=1000000"}, more...)
}

// putStallsOverAPass begins a PUT of stored content that no version names soon after. It ends when the content
// is gone: with 503, or with 200 and an object.
func putStallsOverAPass(t *testing.T, s *suite.Store) {
	s = s.Collected(t, "KEEP_VERSIONS=1")
	for _, size := range []int{1000, 3 * suite.Stripe} {
		old, name, body := suite.NewName(), suite.NewName(), suite.NewBody(size)
		s.Put(t, old, body)
		p := s.BeginPut(t, s.API[0], name, body, size/2)
		s.Put(t, old, suite.NewBody(10))
		s.RequireGone(t, body)
		p.Write(t, body[size/2:])
		got, err := p.Answer(time.Minute)
		require.NoError(t, err)
		if got.Status == http.StatusOK {
			s.RequireObject(t, name, body)
			continue
		}
		suite.RequireError(t, http.StatusServiceUnavailable, got)
		suite.RequireError(t, http.StatusNotFound, s.Get(t, name))
		require.NoError(t, s.TryPut(t.Context(), s.API[1], old, body), "it can be stored again")
	}
}

// interfered are servers whose Elasticsearch is behind a proxy.
type interfered struct {
	stack.Servers
	elasticsearch string
}

func (i interfered) URLs() stack.URLs {
	urls := i.Servers.URLs()
	urls.Elasticsearch = i.elasticsearch
	return urls
}

// interfere starts another store whose requests to Elasticsearch a test can answer: it sets the fault.
func interfere(t *testing.T, s *suite.Store, settings ...string) (interferedStore *suite.Store, set func(gate.Fault)) {
	t.Helper()
	address, set := gate.HTTP(t, s.Servers.URLs().Elasticsearch)
	another := s.Another(t, func(cfg *cluster.Config) {
		cfg.Servers, cfg.Env = interfered{s.Servers, address}, settings
	})
	return another, set
}

// frozenBeforeItsVersion freezes an API service between its claim of content and the version, until the content
// is gone: no version appears.
func frozenBeforeItsVersion(t *testing.T, s *suite.Store) {
	s, set := interfere(t, s, collecting()...)
	suite.Eventually(t, suite.MaintenanceTimeout, func() error {
		return s.TryPut(t.Context(), s.API[0], suite.NewName(), suite.NewBody(10))
	})
	s.BeginIndex(t, 2) // so that a PUT searches before it adds the version
	for attempt := 0; ; attempt++ {
		require.Less(t, attempt, 10, "the machine is too slow")
		api := s.OtherThanHolder(t)
		name, body := suite.NewName(), suite.NewBody(1000)
		frozen := make(chan struct{})
		freeze := sync.OnceFunc(func() { _ = api.Freeze(); close(frozen) })
		set(func(r *http.Request, query string) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/_search") && strings.Contains(query, name) {
				freeze()
			}
			return 0, ""
		})
		answered := make(chan error, 1)
		go func() { answered <- s.TryPut(t.Context(), api.URL(), name, body) }()
		<-frozen
		start := time.Now()
		s.RequireGone(t, body)
		took := time.Since(start)
		require.NoError(t, api.Resume())
		require.Error(t, <-answered)
		set(nil)
		for _, url := range s.API {
			suite.RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, suite.ObjectURL(url, name), nil))
		}
		if took < 4*time.Second { // otherwise a timeout of the search would do
			return
		}
	}
}

// claimedContentStays has the version of a PUT wait in front of Elasticsearch while the collector makes passes: the
// content, which was an orphan before, is not removed.
func claimedContentStays(t *testing.T, s *suite.Store) {
	s, set := interfere(t, s, collecting("ORPHAN_AGE=6s")...)
	restartAPI(t, s, "ORPHAN_AGE=200ms") // from one pass to the next
	for attempt := 0; ; attempt++ {
		require.Less(t, attempt, 10, "the machine is too slow")
		old, name, body := suite.NewName(), suite.NewName(), suite.NewBody(1000)
		s.Put(t, old, body)
		s.Put(t, old, suite.NewBody(10))
		stored := time.Now()
		set(func(r *http.Request, _ string) (int, string) {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/_doc/"+name) {
				awaitTwoPasses(t.Context(), s)
			}
			return 0, ""
		})
		pause(t.Context(), 5900*time.Millisecond-time.Since(stored)) // the content is about to go
		got, err := s.Do(t.Context(), http.MethodPut, suite.ObjectURL(s.API[0], name), body)
		require.NoError(t, err)
		set(nil)
		if got.Status != http.StatusOK {
			continue // it was gone already, or passes took longer than the claim
		}
		s.AwaitPasses(t, 2)
		s.RequireObject(t, name, body)
		return
	}
}

// uploadAwaitsItsVersion has an upload whose bytes have all come, but whose version could not be added, for longer than
// ORPHAN_AGE: its content stays, and the client can end it.
func uploadAwaitsItsVersion(t *testing.T, s *suite.Store) {
	s, set := interfere(t, s, collecting("ORPHAN_AGE=6s")...)
	restartAPI(t, s, "ORPHAN_AGE=300ms") // from one pass to the next
	u := s.BeginUpload(t, suite.NewBody(100_000))
	s.RequirePatch(t, s.API[0], u, 0, 50_000)
	set(func(r *http.Request, _ string) (int, string) {
		if strings.Contains(r.URL.Path, "/_doc/"+u.Name) && r.Method == http.MethodPut {
			return http.StatusServiceUnavailable, "{}"
		}
		return 0, ""
	})
	suite.RequireError(t, http.StatusServiceUnavailable, s.Patch(t, s.API[0], u, 50_000, 100_000))
	old, stored := suite.NewName(), suite.NewBody(1000)
	s.Put(t, old, stored)
	s.Put(t, old, suite.NewBody(10))
	s.RequireGone(t, stored) // it was protected for longer
	set(nil)
	s.RequirePatch(t, s.API[1], u, 100_000, 100_000)
	s.RequireUploaded(t, u)
}

// awaitTwoPasses returns when two passes have been made that began after the call.
func awaitTwoPasses(ctx context.Context, s *suite.Store) {
	first, err := s.Maintenance(ctx, s.API[1])
	for now := first; err == nil && now.Passes < first.Passes+3 && ctx.Err() == nil; pause(ctx, 20*time.Millisecond) {
		now, err = s.Maintenance(ctx, s.API[1])
	}
}

func restartAPI(t *testing.T, s *suite.Store, setting string) {
	t.Helper()
	for _, p := range s.Cluster.API {
		require.NoError(t, p.Stop())
		p.Env = append(p.Env, setting)
		require.NoError(t, p.Start())
	}
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
}

// doubtRemovesNothing has orphans while Elasticsearch does not tell the whole truth: they stay, with everything
// else, and a line in the log says why. Then they go.
func doubtRemovesNothing(t *testing.T, s *suite.Store) {
	other := s
	s, set := interfere(t, s, "ORPHAN_AGE=6s", "KEEP_VERSIONS=1")
	restartAPI(t, s, "ORPHAN_AGE=300ms") // from one pass to the next
	bodies := map[string][]byte{}
	for range 30 {
		name, body := suite.NewName(), suite.NewBody(1000)
		s.Put(t, name, body)
		bodies[name] = body
	}
	s.AwaitPasses(t, 1)
	onSearch := func(answer string) gate.Fault {
		return func(r *http.Request, query string) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/_search") && strings.Contains(query, `"terms"`) {
				return http.StatusOK, answer
			}
			return 0, ""
		}
	}
	always := func(status int) gate.Fault {
		return func(*http.Request, string) (int, string) {
			return status, fmt.Sprintf(`{"error":{"type":"refused","reason":"by the test"},"status":%d}`, status)
		}
	}
	writes := func(status int, answer string) gate.Fault {
		return func(r *http.Request, _ string) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/_search") || strings.HasSuffix(r.URL.Path, "/_mget") || r.Method == http.MethodGet {
				return 0, ""
			}
			return status, answer
		}
	}
	for _, doubt := range []struct {
		cause string
		fault gate.Fault
	}{
		{"EOF", func(*http.Request, string) (int, string) { return gate.HangUp, "" }},
		{"flood-stage", writes(http.StatusForbidden, floodStage)},
		{"503", always(http.StatusServiceUnavailable)},
		{"429", always(http.StatusTooManyRequests)},
		{"for a part of the index only", onSearch(`{"_shards":{"total":2,"successful":1,"failed":1},"hits":{"hits":[]}}`)},
		{"for a part of the index only", onSearch(`{"timed_out":true,"_shards":{"total":2,"successful":2,"failed":0},"hits":{"hits":[]}}`)},
		{"more than a tenth", onSearch(`{"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"hits":[]}}`)},
	} {
		set(doubt.fault)
		orphan := s.PutOrphan(t, other)
		awaitWarning(t, s, doubt.cause)
		require.Equal(t, suite.Shards*(len(bodies)+1), countShards(t, s), doubt.cause)
		set(nil)
		s.RequireGone(t, orphan)
		require.Equal(t, suite.Shards*len(bodies), countShards(t, s), doubt.cause)
	}
	s.DeleteIndex(t)
	m := s.AwaitMaintenance(t, stoppedBy("there were "))
	require.Contains(t, m.Summary, "it stopped: there were")
	require.Equal(t, suite.Shards*len(bodies), countShards(t, s))
	defer func() {
		require.NoError(t, stack.DeleteIndices(s.Servers.URLs().Elasticsearch, "other-"+s.Cluster.Index()))
	}()
	restartAPI(t, s, "ES_INDEX=other-"+s.Cluster.Index())
	s.AwaitMaintenance(t, stoppedBy(fmt.Sprintf("set MAINTENANCE_FORCE=%d", len(bodies))))
	require.Equal(t, suite.Shards*len(bodies), countShards(t, s))
}

// floodStage is what Elasticsearch answers to changes of an index when its disk is nearly full.
const floodStage = `{"error":{"type":"cluster_block_exception","reason":"index [metadata-000001] blocked by: ` +
	`[FORBIDDEN/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"},"status":403}`

func stoppedBy(cause string) func(m suite.Maintenance) error {
	return func(m suite.Maintenance) error {
		if !strings.Contains(m.Stopped, cause) {
			return fmt.Errorf("stopped: %q", m.Stopped)
		}
		return nil
	}
}

// awaitWarning waits for two lines of maintenance in the logs of the API services that name a cause.
func awaitWarning(t *testing.T, s *suite.Store, cause string) {
	t.Helper()
	suite.Eventually(t, suite.MaintenanceTimeout, func() error {
		for _, p := range s.Cluster.API {
			lines := 0
			for line := range strings.SplitSeq(p.LogTail(), "\n") {
				if strings.Contains(line, "maintenance") && strings.Contains(line, cause) {
					lines++
				}
			}
			if lines > 1 {
				return nil
			}
		}
		return fmt.Errorf("no line says %q", cause)
	})
}

func countShards(t *testing.T, s *suite.Store) (n int) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		files, err := filepath.Glob(filepath.Join(p.Root, "objects", "*"))
		require.NoError(t, err)
		n += len(files)
	}
	return n
}

// orphansGoInTheEnd has a data service away while orphans are removed, and kills the collector.
func orphansGoInTheEnd(t *testing.T, s *suite.Store) {
	other := s
	s = s.Collected(t, "KEEP_VERSIONS=1")
	s.Put(t, suite.NewName(), suite.NewBody(10))
	var orphans [][]byte
	for range 40 {
		orphans = append(orphans, s.PutOrphan(t, other))
	}
	s.Cluster.Data[3].Kill()
	suite.Eventually(t, suite.MaintenanceTimeout, func() error {
		if n := countShards(t, s); n > suite.Shards*40 {
			return fmt.Errorf("%d shards", n)
		}
		return nil
	})
	holder := s.HolderOfLease(t)
	holder.Kill()
	require.NoError(t, s.Cluster.Data[3].Resume())
	for _, body := range orphans {
		s.RequireGone(t, body)
	}
	require.NoError(t, holder.Resume())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	require.Equal(t, suite.Shards, countShards(t, s))
}

// collectorUnderLoad puts, deletes and gets few contents under many names while the collector is at its fastest,
// what it finds of versions is old, and services are killed. No acknowledged object is lost, none is wrong.
func collectorUnderLoad(t *testing.T, s *suite.Store) {
	duration := 10 * time.Second
	if suite.IsLong() {
		duration = time.Minute
	}
	s, set := interfere(t, s, collecting()...)
	restartAPI(t, s, "ORPHAN_AGE=100ms") // from one pass to the next
	set(func(r *http.Request, query string) (int, string) {
		if strings.Contains(query, `"terms"`) {
			return gate.Late, ""
		}
		return 0, ""
	})
	clients := make([]*owner, 6)
	for i := range clients {
		clients[i] = &owner{store: s, state: map[string][]byte{}}
	}
	for start := time.Now(); time.Since(start) < duration; {
		changeAll(t, s, clients)
	}
	acknowledged := 0
	for _, c := range clients {
		acknowledged += c.acknowledged
	}
	t.Logf("%d requests were acknowledged", acknowledged)
	require.Greater(t, acknowledged, 20)
	s.AwaitMaintenance(t, func(m suite.Maintenance) error {
		if m.OrphansRemoved == 0 {
			return errors.New("no orphan was removed")
		}
		return nil
	})
}

// changeAll has clients work for a while, kills a service meanwhile, and checks what they have.
func changeAll(t *testing.T, s *suite.Store, clients []*owner) {
	var contents [][]byte // more than names
	for _, size := range []int{1000, 70_000, suite.Stripe + 1} {
		contents = append(contents, suite.NewBody(size), suite.NewBody(size+1), suite.NewBody(size+2), suite.NewBody(size+3))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var working sync.WaitGroup
	for _, c := range clients {
		c.contents = contents
		working.Go(func() { c.work(ctx) })
	}
	pause(ctx, time.Duration(rand.Int64N(int64(time.Second))))
	p := s.Cluster.All()[rand.IntN(len(s.Cluster.All()))]
	p.Kill()
	require.NoError(t, p.Resume())
	working.Wait()
	require.NoError(t, resumeAll(s))
	for _, c := range clients {
		require.NoError(t, c.wrong)
		suite.Eventually(t, suite.RepairTimeout, func() error { return c.checkAll(t.Context()) })
	}
}

// owner is a client that alone changes some names, one for each run of work.
type owner struct {
	store        *suite.Store
	contents     [][]byte
	state        map[string][]byte // by name: what was acknowledged last, nil if it was deleted; none if that is not known
	acknowledged int
	wrong        error // a GET that got what is not the object
}

func (o *owner) work(ctx context.Context) {
	for name := suite.NewName(); ctx.Err() == nil && o.wrong == nil; {
		api := o.store.API[rand.IntN(len(o.store.API))]
		switch rand.IntN(4) {
		case 0:
			o.change(ctx, http.MethodDelete, api, name, nil)
		case 1:
			o.wrong = o.check(ctx, api, name)
		default:
			o.change(ctx, http.MethodPut, api, name, o.contents[rand.IntN(len(o.contents))])
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (o *owner) change(ctx context.Context, method, api, name string, body []byte) {
	got, err := o.store.Do(context.WithoutCancel(ctx), method, suite.ObjectURL(api, name), body)
	_, known := o.state[name]
	delete(o.state, name)
	switch {
	case err != nil:
	case got.Status/100 == 2:
		o.state[name] = body
		o.acknowledged++
	case got.Status == http.StatusNotFound && known:
		o.state[name] = nil
	}
}

// check returns an error for an answer that is wrong. None at all is not wrong.
func (o *owner) check(ctx context.Context, api, name string) error {
	want, known := o.state[name]
	got, err := o.store.Do(context.WithoutCancel(ctx), http.MethodGet, suite.ObjectURL(api, name), nil)
	if !known || err != nil || got.Status >= http.StatusInternalServerError {
		return nil
	}
	return differs(name, want, got)
}

func differs(name string, want []byte, got suite.Answer) error {
	switch {
	case want == nil && got.Status == http.StatusNotFound:
		return nil
	case want != nil && got.Status == http.StatusOK && bytes.Equal(want, got.Body):
		return nil
	}
	return fmt.Errorf("GET %s: %d with %d bytes, want %d: %s", name, got.Status, len(got.Body), len(want), hash.Of(want))
}

// checkAll returns nil if every object is as it was acknowledged.
func (o *owner) checkAll(ctx context.Context) error {
	var errs []error
	for name, want := range o.state {
		got, err := o.store.Do(ctx, http.MethodGet, suite.ObjectURL(o.store.API[0], name), nil)
		if err == nil {
			err = differs(name, want, got)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
