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
	smallest = 16 // bytes of a body: no two are the same
	largest  = 2 * suite.Stripe
)

// mixedLoad has clients put and get a few names over and over again while data services are killed,
// cut off and slowed down (never more than two), shards rot, and the broker and Elasticsearch are
// restarted. What the clients saw must be what one place could have shown that does one thing after the
// other; what was acknowledged is there in the end, every version; and after one read of each all shards
// are.
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
	working.Go(func() { errs <- loseDataServices(ctx, s, gates) })
	working.Go(func() { errs <- l.rot(ctx) })
	restartServers(ctx, t, s)
	working.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	s.AwaitSix(t)
	l.settle(t)
	t.Logf("%d requests, of which %d PUTs had no answer; %d versions", len(l.history), len(l.unknown), len(l.kept))
	require.NotEmpty(t, l.kept)
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(suite.OneObject(), l.history, time.Minute))
	l.requireAllWhole(t)
}

// load is what clients do, and what came of it.
type load struct {
	store *suite.Store
	names []string
	start time.Time

	mu      sync.Mutex
	bodies  map[string][]byte     // all that was ever sent, by hash
	history []porcupine.Operation // requests that were answered
	unknown []porcupine.Operation // PUTs of which nobody knows whether they were done
	kept    []kept
	were    map[string][suite.Shards][]byte // what shards were before they were damaged, by hash
}

// kept is a version that was acknowledged.
type kept struct {
	name string
	suite.Outcome
}

func newLoad(s *suite.Store) *load {
	l := &load{store: s, start: time.Now(), bodies: map[string][]byte{}, were: map[string][suite.Shards][]byte{}}
	for range hotNames {
		l.names = append(l.names, suite.NewName())
	}
	return l
}

// work puts and gets until ctx is done. Requests may be refused; those that are not are recorded, and the
// body of a GET that ends cleanly must be right.
func (l *load) work(ctx context.Context, client int) error {
	for ctx.Err() == nil {
		name, api := l.names[rand.IntN(len(l.names))], l.store.API[rand.IntN(len(l.store.API))]
		op := porcupine.Operation{ClientId: client, Call: l.now()}
		if rand.IntN(2) == 0 {
			if !l.put(op, api, name) {
				pause(ctx, 50*time.Millisecond) // as clients should that were refused
			}
		} else if err := l.get(op, api, name); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) now() int64 { return time.Since(l.start).Nanoseconds() }

// put is not cut short when the time is over: then nobody would know what became of it.
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
	l.kept = append(l.kept, kept{name, outcome})
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
		return nil // it was refused or broke off: nothing was seen
	}
	outcome := suite.Outcome{Hash: strings.Trim(got.Header.Get("ETag"), `"`)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.Status == http.StatusOK {
		body, sent := l.bodies[outcome.Hash]
		if !sent || !bytes.Equal(body, got.Body) {
			return fmt.Errorf("GET %s: %d bytes with ETag %s that are not the %d that were put", name, len(got.Body), outcome.Hash, len(body))
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

// settle finds out what became of PUTs that had no answer: a version that has their content shows that
// they were done, at some time until the end. It checks that every version that was acknowledged is
// listed.
func (l *load) settle(t *testing.T) {
	t.Helper()
	listed := map[kept]bool{}
	versions := map[string]int64{} // by hash: no two bodies are the same
	for _, name := range l.names {
		list, err := l.store.Versions(t.Context(), l.store.API[0], name)
		require.NoError(t, err)
		for _, v := range list {
			listed[kept{name, suite.Outcome{Version: v.Version, Hash: v.Hash}}] = true
			require.Zero(t, versions[v.Hash], "one PUT made two versions")
			versions[v.Hash] = v.Version
		}
	}
	for _, version := range l.kept {
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

// requireAllWhole reads every version once, and waits until all its shards are there.
func (l *load) requireAllWhole(t *testing.T) {
	t.Helper()
	for _, version := range l.kept {
		got := l.store.Send(t, http.MethodGet, l.url(version), nil)
		require.Equal(t, http.StatusOK, got.Status, "version %d of %s: %s", version.Version, version.name, got.Body)
		require.True(t, bytes.Equal(l.bodies[version.Hash], got.Body), "version %d of %s", version.Version, version.name)
	}
	for _, version := range l.kept {
		suite.Eventually(t, time.Minute, func() error { return l.isWhole(version) })
	}
}

// loseDataServices has two data services at a time go, in one way or another, and come back.
func loseDataServices(ctx context.Context, s *suite.Store, gates []*gate.Gate) error {
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

// restartServers restarts the broker and Elasticsearch until ctx is done.
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

// pause lets time pass between faults, in which the load goes on.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
