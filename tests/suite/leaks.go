package suite

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// nothingIsLeaked has 1,000 clients put and get through one API service, once or, in the long form,
// ten times. Goroutines, open files and the broker's resources must not grow.
func nothingIsLeaked(t *testing.T, s *Store) {
	s.manyClients(t, 10) // resources created at first use are no leak
	before := s.count(t)
	rounds := 1
	if IsLong() {
		rounds = 10
	}
	for range rounds {
		s.manyClients(t, 1000)
	}
	s.HTTP.CloseIdleConnections()
	Eventually(t, 30*time.Second, func() error { return noMoreThan(before, s.count(t)) })
}

func (s *Store) manyClients(t *testing.T, n int) {
	errs := make([]error, n)
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() {
			name, body := NewName(), NewBody(4<<10)
			errs[i] = withRetries(func() error { return s.TryPut(t.Context(), s.API[0], name, body) })
			if errs[i] == nil {
				errs[i] = withRetries(func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
			}
		})
	}
	clients.Wait()
	require.NoError(t, errors.Join(errs...))
}

// withRetries tries again, a few times, what is refused for a moment, since too many other requests are in progress.
func withRetries(request func() error) (err error) {
	for range 5 {
		if err = request(); err == nil || !strings.Contains(err.Error(), ": 503 ") {
			break
		}
	}
	return err
}

// count returns how many resources of each kind are in use.
func (s *Store) count(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, p := range s.Cluster.All() {
		counts[p.Name+" goroutines"] = goroutines(t, p)
		counts[p.Name+" files"] = openFiles(t, p)
	}
	broker, err := s.Servers.Counts(t.Context())
	if !errors.Is(err, stack.ErrUnsupported) {
		require.NoError(t, err)
	}
	counts["connections"], counts["channels"], counts["queues"] = broker.Connections, broker.Channels, broker.Queues
	return counts
}

func noMoreThan(before, now map[string]int) error {
	for what, n := range now {
		if n > before[what] {
			return fmt.Errorf("%s: %d, before %d", what, n, before[what])
		}
	}
	return nil
}

// goroutines returns how many goroutines a process has.
func goroutines(t *testing.T, p *cluster.Process) (n int) {
	t.Helper()
	text := debugPage(t, p, "/debug/pprof/goroutine?debug=1")
	_, err := fmt.Sscanf(strings.TrimSpace(text), "goroutine profile: total %d", &n)
	require.NoError(t, err)
	return n
}

// openFiles counts the open files and sockets of a process. It returns 0 where there is no /proc.
func openFiles(t *testing.T, p *cluster.Process) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	require.NoError(t, err)
	return len(entries)
}
