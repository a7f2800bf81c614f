package suite

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// brokerAlarm has the broker run low on memory for longer than a heartbeat counts: objects can be
// read throughout, through both API services; a PUT of a new object is 503 and says why. An API
// service and a data service stop within their promise. When the alarm is over, everything works
// without a restart.
func brokerAlarm(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(100_000)
	s.Put(t, name, body)
	Inject(t, s.Servers.BeginAlarm(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Servers.EndAlarm(context.Background())) })
	refused := func() error {
		got, err := s.Do(t.Context(), http.MethodPut, ObjectURL(s.API[0], NewName()), NewBody(1000))
		if err == nil && (got.Status != http.StatusServiceUnavailable || !strings.Contains(string(got.Body), "alarm")) {
			err = fmt.Errorf("PUT: %d %s", got.Status, got.Body)
		}
		return err
	}
	Eventually(t, recoveryTimeout, refused)
	for start := time.Now(); time.Since(start) < 2*recoveryTimeout; {
		for _, api := range s.API {
			require.NoError(t, s.TryGet(t.Context(), api, name, body))
		}
		time.Sleep(50 * time.Millisecond) // between two rounds
	}
	require.NoError(t, refused())
	RequireError(t, http.StatusServiceUnavailable, s.Send(t, http.MethodGet, s.API[0]+"/healthz", nil))
	ended := time.Now()
	require.NoError(t, s.Servers.EndAlarm(t.Context()))
	for time.Since(ended) < 2*time.Second { // while heartbeats begin to come again
		if s.TryGet(t.Context(), s.API[0], name, body) != nil { // an answer may be late on a busy machine
			require.NoError(t, s.TryGet(t.Context(), s.API[0], name, body))
		}
	}
	s.RequireWorks(t, name, body)
	Inject(t, s.Servers.BeginAlarm(t.Context()))
	Eventually(t, recoveryTimeout, refused)
	for _, p := range append(s.Cluster.API[:1:1], s.Cluster.Data[0]) {
		require.NoError(t, p.Stop(), "within 15 s")
		require.NoError(t, p.Start())
	}
}
