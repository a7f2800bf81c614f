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

// recoveryTimeout is how long the store may take to notice a fault, or to recover after its end.
const recoveryTimeout = 5 * time.Second

func dataServiceKilled(t *testing.T, s *Store) {
	s.checkDataServiceLoss(t, func(p *cluster.Process) { p.Kill() })
}

// dataServiceFrozen freezes a data service: its port accepts connections and no answer comes.
func dataServiceFrozen(t *testing.T, s *Store) {
	s.checkDataServiceLoss(t, func(p *cluster.Process) { require.NoError(t, p.Freeze()) })
}

// dataServiceLate freezes a data service for longer than the locate timeout. Reads of what it holds
// still succeed, since it is asked three times. A busy machine may need longer to answer; then the
// read was refused no sooner than after the third timeout.
func dataServiceLate(t *testing.T, s *Store) {
	held, victim := s.putSpread(t, 1), s.Cluster.Data[0]
	require.NoError(t, victim.Freeze())
	resumed, start := make(chan error), time.Now()
	time.AfterFunc(1500*time.Millisecond, func() { resumed <- victim.Resume() })
	err := s.GetAll(t, held[victim.Address])
	require.NoError(t, <-resumed)
	if time.Since(start) > 2900*time.Millisecond {
		err = s.GetAll(t, held[victim.Address])
	}
	require.NoError(t, err)
}

// checkDataServiceLoss takes a data service down and brings it back. Objects on the others are
// readable throughout; after recoveryTimeout new objects avoid it; its own objects are readable
// again after its return.
func (s *Store) checkDataServiceLoss(t *testing.T, lose func(p *cluster.Process)) {
	held := s.putSpread(t, 2)
	victim := s.Cluster.Data[0]
	lost, others := held[victim.Address], map[string][]byte{}
	delete(held, victim.Address)
	for _, objects := range held {
		maps.Copy(others, objects)
	}
	lose(victim)
	for start := time.Now(); time.Since(start) < recoveryTimeout; {
		require.NoError(t, s.GetAll(t, others))
		time.Sleep(20 * time.Millisecond) // between two rounds; without the pause it would starve other tests
	}
	for range 30 {
		name, body := NewName(), NewBody(100)
		s.Put(t, name, body)
		require.NotEqual(t, victim.Address, s.holderOf(t, name, body))
	}
	missing := http.StatusServiceUnavailable
	if namedFiles().has(s.chapter) {
		missing = http.StatusNotFound // only the data service knew of the object
	}
	for name := range lost {
		RequireError(t, missing, s.Get(t, name))
	}
	require.NoError(t, victim.Resume())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	Eventually(t, recoveryTimeout, func() error { return s.GetAll(t, lost) })
}

// allDataServicesDown kills all data services: requests get 503 until they are back.
func allDataServicesDown(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	for _, p := range s.Cluster.Data {
		p.Kill()
	}
	Eventually(t, 2*recoveryTimeout, func() error { return s.CheckUnavailable(t, name) })
	for _, p := range s.Cluster.Data {
		require.NoError(t, p.Start())
	}
	Eventually(t, recoveryTimeout, func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
}

// CheckUnavailable returns nil if a GET of name and a PUT of a new object both get 503 with
// Retry-After.
func (s *Store) CheckUnavailable(t *testing.T, name string) error {
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

// apiServiceKilledInMidPut kills (-9) the API service during a PUT: no part of the object remains.
func apiServiceKilledInMidPut(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	s.awaitPuts(t)
	s.BeginPut(t, s.API[0], name, body, len(body)/2)
	s.RequireFiles(t, 1, body[:prefixLen])
	s.Cluster.API[0].Kill()
	s.RequireFiles(t, 0, body[:prefixLen])
	require.NoError(t, s.Cluster.API[0].Start())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	s.requireNothingOf(t, name, body[:prefixLen])
}

// brokerRestart stops the broker for a while. Requests fail without it and succeed soon after its
// return, without the restart of a service.
func brokerRestart(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	Inject(t, s.Servers.StopBroker(t.Context()))
	Eventually(t, recoveryTimeout, func() error { return s.CheckUnavailable(t, name) })
	require.NoError(t, s.Servers.StartBroker(t.Context()))
	s.RequireWorks(t, name, body)
}

// brokerConnectionsDropped cuts every connection to the broker, which keeps running.
func brokerConnectionsDropped(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	for range 3 {
		Inject(t, s.Servers.DropConnections(t.Context()))
		s.RequireWorks(t, name, body)
	}
}

// RequireWorks waits until every API service reads an old object and accepts a new one, and checks
// that the old one is located and that no process has exited.
func (s *Store) RequireWorks(t *testing.T, old string, body []byte) {
	t.Helper()
	for _, api := range s.API {
		Eventually(t, 3*recoveryTimeout, func() error { // a real Elasticsearch has just begun to answer
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
			require.Fail(t, "exited", p.Name)
		default:
		}
	}
}

// Inject checks that a fault was injected. It skips the test if the servers do not support that,
// since they were given.
func Inject(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, stack.ErrUnsupported) {
		t.Skip("faults cannot be injected into given servers")
	}
	require.NoError(t, err)
}
