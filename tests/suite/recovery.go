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

// dataServiceLate has a data service that is at a loss for an answer for longer than it is waited for: who
// reads what it holds is answered all the same.
func dataServiceLate(t *testing.T, s *Store) {
	held, victim := s.putSpread(t, 1), s.Cluster.Data[0]
	require.NoError(t, victim.Freeze())
	resumed := make(chan error)
	time.AfterFunc(1500*time.Millisecond, func() { resumed <- victim.Resume() })
	err := s.GetAll(t, held[victim.Address])
	require.NoError(t, <-resumed)
	require.NoError(t, err)
}

// losesDataService has one data service gone and back. What the others hold can be read throughout;
// within 5 s nothing new goes to the one that is gone; what it holds is back when it is.
func (s *Store) losesDataService(t *testing.T, lose func(p *cluster.Process)) {
	held := s.putSpread(t, 2)
	victim := s.Cluster.Data[0]
	lost, others := held[victim.Address], map[string][]byte{}
	delete(held, victim.Address)
	for _, objects := range held {
		maps.Copy(others, objects)
	}
	lose(victim)
	for start := time.Now(); time.Since(start) < recoveryPatience; {
		require.NoError(t, s.GetAll(t, others))
		time.Sleep(20 * time.Millisecond) // between two rounds: to read all the time would take the machine from others
	}
	for range 30 {
		name, body := NewName(), NewBody(100)
		s.Put(t, name, body)
		require.NotEqual(t, victim.Address, s.whereIs(t, name, body))
	}
	missing := http.StatusServiceUnavailable
	if namedFiles().has(s.chapter) {
		missing = http.StatusNotFound // nobody else knows that there is such an object
	}
	for name := range lost {
		RequireError(t, missing, s.Get(t, name))
	}
	require.NoError(t, victim.Resume())
	Eventually(t, recoveryPatience, func() error { return s.GetAll(t, lost) })
}

// allDataServicesGone has nobody left to keep anything: that is 503, and passes.
func allDataServicesGone(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	for _, p := range s.Cluster.Data {
		p.Kill()
	}
	Eventually(t, 2*recoveryPatience, func() error { return s.IsUnavailable(t, name) })
	for _, p := range s.Cluster.Data {
		require.NoError(t, p.Start())
	}
	Eventually(t, recoveryPatience, func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
}

// IsUnavailable returns nil if reading an object, and writing another, are answered with 503 and when to
// try again.
func (s *Store) IsUnavailable(t *testing.T, name string) error {
	for method, name := range map[string]string{http.MethodPut: NewName(), http.MethodGet: name} {
		got, err := s.Do(t.Context(), method, ObjectURL(s.API[0], name), nil)
		if err != nil {
			return err
		}
		if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			return fmt.Errorf("%s: %d %s", method, got.Status, got.Body)
		}
		RequireError(t, http.StatusServiceUnavailable, got)
	}
	return nil
}

// apiServiceKilledInMidPut kills −9 the API service that an object goes through: no half of it stays.
func apiServiceKilledInMidPut(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	s.BeginPut(t, s.API[0], name, body, len(body)/2)
	s.RequireFiles(t, 1, body[:beginning])
	s.Cluster.API[0].Kill()
	s.RequireFiles(t, 0, body[:beginning])
	require.NoError(t, s.Cluster.API[0].Start())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	s.requireNothingOf(t, name, body[:beginning])
}

// brokerRestart stops the broker for a while. Nothing works without it, everything soon after, and
// no service had to be restarted for that.
func brokerRestart(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	Inject(t, s.Servers.StopBroker(t.Context()))
	Eventually(t, recoveryPatience, func() error { return s.IsUnavailable(t, name) })
	require.NoError(t, s.Servers.StartBroker(t.Context()))
	s.RequireWorks(t, name, body)
}

// brokerConnectionsDropped cuts every connection to the broker, which itself goes on.
func brokerConnectionsDropped(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	for range 3 {
		Inject(t, s.Servers.DropConnections(t.Context()))
		s.RequireWorks(t, name, body)
	}
}

// RequireWorks checks that an old object is read and located, and new ones kept, soon.
func (s *Store) RequireWorks(t *testing.T, old string, body []byte) {
	t.Helper()
	for _, api := range s.API {
		Eventually(t, recoveryPatience, func() error {
			if err := s.TryPut(t.Context(), api, NewName(), body); err != nil {
				return err
			}
			return s.TryGet(t.Context(), api, old, body)
		})
	}
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodGet, s.locateURL(old, body), nil).Status)
	for _, p := range s.Cluster.All() {
		select {
		case <-p.Exited():
			require.Fail(t, "ended", p.Name)
		default:
		}
	}
}

// Inject checks that a fault could be brought about, and skips the test where the servers are
// somebody else's.
func Inject(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, stack.ErrUnsupported) {
		t.Skip("the broker belongs to somebody else")
	}
	require.NoError(t, err)
}
