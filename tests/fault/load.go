package fault

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/fault/gate"
	"gostore/tests/suite"
)

const (
	clients  = 4
	hotNames = 5
	smallest = 16 // bytes of a body: random ones are distinct
	largest  = 2 * suite.Stripe
)

// mixedLoad has clients put and get a few names while data services are killed, cut off and slowed
// down (at most two at a time), shards are corrupted, and the broker and Elasticsearch are
// restarted. The recorded history must be linearizable, every acknowledged version must be there in
// the end, and after one read of each version all shards must be intact.
func mixedLoad(t *testing.T, s *suite.Store) {
	duration := 8 * time.Second
	if suite.IsLong() {
		duration = 30 * time.Second
	}
	s, gates := behindGates(t, s)
	s.AwaitSix(t)
	l := newLoad(s)
	for _, name := range l.names {
		require.True(t, l.put(porcupine.Operation{Call: l.now()}, s.API[0], name))
	}
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	errs := make(chan error, clients+2)
	var working sync.WaitGroup
	for i := range clients {
		working.Go(func() { errs <- l.work(ctx, i) })
	}
	working.Go(func() { errs <- disruptDataServices(ctx, s, gates) })
	working.Go(func() { errs <- l.corrupt(ctx) })
	restartServers(ctx, t, s)
	working.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	s.AwaitSix(t)
	l.resolveUnknown(t)
	t.Logf("%d requests, of which %d PUTs had no answer; %d versions", len(l.history), len(l.unknown), len(l.acked))
	require.NotEmpty(t, l.acked)
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(suite.OneObject(), l.history, time.Minute))
	l.requireAllShards(t)
}

// load is the clients' work and its history.
type load struct {
	store *suite.Store
	names []string
	start time.Time

	mu        sync.Mutex
	bodies    map[string][]byte     // all bodies sent, by hash
	history   []porcupine.Operation // answered requests
	unknown   []porcupine.Operation // PUTs with an unknown outcome
	acked     []acked
	originals map[string][suite.Shards][]byte // contents before the damage, by hash
}

// acked is an acknowledged version.
type acked struct {
	name string
	suite.Outcome
}

func newLoad(s *suite.Store) *load {
	l := &load{store: s, start: time.Now(), bodies: map[string][]byte{}, originals: map[string][suite.Shards][]byte{}}
	for range hotNames {
		l.names = append(l.names, suite.NewName())
	}
	return l
}

// work puts and gets until ctx is done. Requests may fail; successful ones are recorded, and a GET
// that ends cleanly must have the right body.
func (l *load) work(ctx context.Context, client int) error {
	for ctx.Err() == nil {
		name, api := l.names[rand.IntN(len(l.names))], l.store.API[rand.IntN(len(l.store.API))]
		op := porcupine.Operation{ClientId: client, Call: l.now()}
		if rand.IntN(2) == 0 {
			if !l.put(op, api, name) {
				pause(ctx, 50*time.Millisecond) // back off
			}
		} else if err := l.get(op, api, name); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) now() int64 { return time.Since(l.start).Nanoseconds() }

// put does not stop when ctx is done: its outcome would be unknown.
func (l *load) put(op porcupine.Operation, api, name string) (acknowledged bool) {
	body := suite.NewBody(smallest + rand.IntN(largest))
	sum := hash.Of(body).String()
	l.remember(sum, body)
	got, err := l.store.Do(context.Background(), http.MethodPut, suite.ObjectURL(api, name), body)
	op.Input, op.Return = suite.Call{Name: name, Put: sum}, l.now()
	version, malformed := strconv.ParseInt(got.Header.Get("X-Object-Version"), 10, 64)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || got.Status != http.StatusOK || malformed != nil {
		l.unknown = append(l.unknown, op)
		return false
	}
	outcome := suite.Outcome{Version: version, Hash: sum}
	op.Output = outcome
	l.history = append(l.history, op)
	l.acked = append(l.acked, acked{name, outcome})
	return true
}

func (l *load) remember(sum string, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bodies[sum] = body
}

func (l *load) get(op porcupine.Operation, api, name string) error {
	got, err := l.store.Do(context.Background(), http.MethodGet, suite.ObjectURL(api, name), nil)
	op.Input, op.Return = suite.Call{Name: name}, l.now()
	if err != nil || got.Status >= 500 {
		return nil // a failed GET has seen nothing
	}
	outcome := suite.Outcome{Hash: strings.Trim(got.Header.Get("ETag"), `"`)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.Status == http.StatusOK {
		body, sent := l.bodies[outcome.Hash]
		if !sent || !bytes.Equal(body, got.Body) {
			return fmt.Errorf("GET %s: %d bytes with ETag %s, different from the %d that were put", name, len(got.Body), outcome.Hash, len(body))
		}
		if outcome.Version, err = strconv.ParseInt(got.Header.Get("X-Object-Version"), 10, 64); err != nil {
			return fmt.Errorf("GET %s: %w", name, err)
		}
	} else if got.Status != http.StatusNotFound {
		return fmt.Errorf("GET %s: %d %s", name, got.Status, got.Body)
	}
	op.Output = outcome
	l.history = append(l.history, op)
	return nil
}

// resolveUnknown resolves PUTs with an unknown outcome: if a version has their content, they took
// effect at some time until the end. It also checks that every acknowledged version is listed.
func (l *load) resolveUnknown(t *testing.T) {
	t.Helper()
	listed := map[acked]bool{}
	versions := map[string]int64{} // by hash: bodies are distinct
	for _, name := range l.names {
		list, err := l.store.Versions(t.Context(), l.store.API[0], name)
		require.NoError(t, err)
		for _, v := range list {
			listed[acked{name, suite.Outcome{Version: v.Version, Hash: v.Hash}}] = true
			require.Zero(t, versions[v.Hash], "one PUT made two versions")
			versions[v.Hash] = v.Version
		}
	}
	for _, version := range l.acked {
		require.True(t, listed[version], "version %d of %s is lost", version.Version, version.name)
	}
	for _, op := range l.unknown {
		call := op.Input.(suite.Call)
		if version := versions[call.Put]; version > 0 {
			op.Output, op.Return = suite.Outcome{Version: version, Hash: call.Put}, math.MaxInt64
			l.history = append(l.history, op)
		}
	}
}

// requireAllShards reads every version once, and puts its content again, which checks the shards that a GET
// does not read. Then all must become intact.
func (l *load) requireAllShards(t *testing.T) {
	t.Helper()
	for _, version := range l.acked {
		got := l.store.Send(t, http.MethodGet, l.url(version), nil)
		require.Equal(t, http.StatusOK, got.Status, "version %d of %s: %s", version.Version, version.name, got.Body)
		require.True(t, bytes.Equal(l.bodies[version.Hash], got.Body), "version %d of %s", version.Version, version.name)
		l.store.Put(t, suite.NewName(), got.Body)
	}
	for _, version := range l.acked {
		suite.Eventually(t, time.Minute, func() error { return l.checkShards(version) })
	}
}

// disruptDataServices takes two data services at a time down in several ways and brings them back,
// until ctx is done.
func disruptDataServices(ctx context.Context, s *suite.Store, gates []*gate.Gate) error {
	for i := 0; ctx.Err() == nil; i++ {
		one, other := i%len(gates), (i+1+i/len(gates)%(len(gates)-1))%len(gates)
		s.Cluster.Data[one].Kill()
		pause(ctx, 500*time.Millisecond)
		switch i % 4 {
		case 0:
			s.Cluster.Data[other].Kill()
		case 1:
			gates[other].CutAfter(largest / 8)
		case 2:
			gates[other].ShutAfter(0)
		case 3:
			gates[other].Slow(crawl)
		}
		pause(ctx, 500*time.Millisecond)
		gates[other].Open()
		for _, i := range []int{one, other} {
			if err := s.Cluster.Data[i].Resume(); err != nil {
				return err
			}
		}
		pause(ctx, time.Second)
	}
	return nil
}

// restartServers restarts the broker and Elasticsearch in turn until ctx is done.
func restartServers(ctx context.Context, t *testing.T, s *suite.Store) {
	for ctx.Err() == nil {
		pause(ctx, 2*time.Second)
		suite.Inject(t, s.Servers.StopBroker(t.Context()))
		require.NoError(t, s.Servers.StartBroker(t.Context()))
		pause(ctx, 2*time.Second)
		require.NoError(t, s.Servers.StopElasticsearch(t.Context()))
		require.NoError(t, s.Servers.StartElasticsearch(t.Context()))
	}
}

// pause waits between faults while the load continues.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
