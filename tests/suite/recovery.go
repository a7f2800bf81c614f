package suite

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// recoveryPatience is how long after a fault, or after its end, the store may take to be as it should.
const recoveryPatience = 5 * time.Second

func dataServiceKilled(t *testing.T, s *Store) {
	s.losesDataService(t, func(p *cluster.Process) { p.Kill() })
}

// dataServiceFrozen has a data service whose port still accepts, while nobody answers.
func dataServiceFrozen(t *testing.T, s *Store) {
	s.losesDataService(t, func(p *cluster.Process) { require.NoError(t, p.Freeze()) })
}

// losesDataService has one data service gone and back. What the others hold can be read throughout;
// within 5 s nothing new goes to the one that is gone; what it holds is back when it is.
func (s *Store) losesDataService(t *testing.T, lose func(p *cluster.Process)) {
	held := s.putSpread(t, 2)
	victim := s.cluster.Data[0]
	lost, others := held[victim.Address], map[string][]byte{}
	delete(held, victim.Address)
	for _, objects := range held {
		maps.Copy(others, objects)
	}
	lose(victim)
	for start := time.Now(); time.Since(start) < recoveryPatience; pause(t.Context(), 20*time.Millisecond) {
		require.NoError(t, s.getAll(t, others))
	}
	for range 30 {
		name, body := newName(), newBody(100)
		s.put(t, name, body)
		require.NotEqual(t, victim.Address, s.whereIs(t, name, body))
	}
	missing := http.StatusServiceUnavailable
	if namedFiles().has(s.chapter) {
		missing = http.StatusNotFound // nobody else knows that there is such an object
	}
	for name := range lost {
		requireError(t, missing, s.get(t, name))
	}
	require.NoError(t, victim.Resume())
	eventually(t, recoveryPatience, func() error { return s.getAll(t, lost) })
}

// allDataServicesGone has nobody left to keep anything: that is 503, and passes.
func allDataServicesGone(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	for _, p := range s.cluster.Data {
		p.Kill()
	}
	eventually(t, 2*recoveryPatience, func() error { return s.isUnavailable(t, name) })
	for _, p := range s.cluster.Data {
		require.NoError(t, p.Start())
	}
	eventually(t, recoveryPatience, func() error { return s.tryGet(t.Context(), s.api[0], name, body) })
}

// isUnavailable returns nil if reading and writing are answered with 503 and when to try again.
func (s *Store) isUnavailable(t *testing.T, name string) error {
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		got, err := s.do(t.Context(), method, objectURL(s.api[0], name), nil)
		if err != nil {
			return err
		}
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			return fmt.Errorf("%s: %d %s", method, got.status, got.body)
		}
		requireError(t, http.StatusServiceUnavailable, got)
	}
	return nil
}

// apiServiceKilledInMidPut kills −9 the API service that an object goes through: no half of it stays.
func apiServiceKilledInMidPut(t *testing.T, s *Store) {
	name, body := newName(), newBody(600_000)
	s.beginPut(t, s.api[0], name, body, len(body)/2)
	s.requireFiles(t, 1, body[:beginning])
	s.cluster.API[0].Kill()
	s.requireFiles(t, 0, body[:beginning])
	require.NoError(t, s.cluster.API[0].Start())
	require.NoError(t, s.cluster.AwaitHealthy(t.Context()))
	s.requireNothingOf(t, name, body[:beginning])
}

// brokerRestart stops the broker for a while. Nothing works without it, everything soon after, and
// no service had to be restarted for that.
func brokerRestart(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	inject(t, s.servers.StopBroker(t.Context()))
	eventually(t, recoveryPatience, func() error { return s.isUnavailable(t, name) })
	require.NoError(t, s.servers.StartBroker(t.Context()))
	s.requireWorks(t, name, body)
}

// brokerConnectionsDropped cuts every connection to the broker, which itself goes on.
func brokerConnectionsDropped(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	for range 3 {
		inject(t, s.servers.DropConnections(t.Context()))
		s.requireWorks(t, name, body)
	}
}

// requireWorks checks that an old object is read and located, and new ones kept, soon.
func (s *Store) requireWorks(t *testing.T, old string, body []byte) {
	t.Helper()
	for _, api := range s.api {
		eventually(t, recoveryPatience, func() error {
			if err := s.tryPut(t.Context(), api, newName(), body); err != nil {
				return err
			}
			return s.tryGet(t.Context(), api, old, body)
		})
	}
	require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, s.locateURL(old, body), nil).status)
	for _, p := range s.cluster.All() {
		select {
		case <-p.Exited():
			require.Fail(t, "ended", p.Name)
		default:
		}
	}
}

// inject checks that a fault could be brought about, and skips the test where the servers are
// somebody else's.
func inject(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, stack.ErrUnsupported) {
		t.Skip("the broker belongs to somebody else")
	}
	require.NoError(t, err)
}
