package suite

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// maxMemory is what a service that clients talk to may use, in bytes, however many there are.
const maxMemory = 256 << 20

// manyClients has a crowd of clients of each kind: those that put, those that read slowly, those
// that send half of a body, and those that send nothing. All answers are 200, or 503 with
// Retry-After; the memory of the API service stays within its bound; and then the store works.
func manyClients(t *testing.T, s *Store) {
	crowd := 60
	if IsLong() {
		crowd = 2000
	}
	api := s.Cluster.API[0]
	large := NewBody(16 << 20)
	s.Put(t, "large", large)
	t.Logf("at first: %d MB", peakMemory(t, api)>>20)
	ok, busy := s.putAtOnce(t, crowd/4, 1<<20)
	t.Logf("%d PUTs at once: %d were answered with 200, %d with 503: %d MB", crowd/4, ok, busy, peakMemory(t, api)>>20)
	for _, kind := range []struct {
		what    string
		n       int
		request string
	}{
		{"slow readers", crowd / 10, "GET /objects/large HTTP/1.1\r\nHost: store\r\n\r\n"},
		{"slow readers", crowd, "GET /objects/large HTTP/1.1\r\nHost: store\r\n\r\n"},
		{"half a body", crowd, halfPut(large[:1<<20])},
		{"nothing", crowd, ""},
	} {
		s.crowd(t, kind.n, kind.request)
		t.Logf("%d clients, %s: %d MB", kind.n, kind.what, peakMemory(t, api)>>20)
	}
	if IsLong() {
		require.Less(t, peakMemory(t, api), int64(maxMemory))
	}
	Eventually(t, time.Minute, func() error { return s.TryGet(t.Context(), s.API[0], "large", large) })
}

// putAtOnce puts n objects of size bytes concurrently and returns how many were stored, and how
// many refused.
func (s *Store) putAtOnce(t *testing.T, n, size int) (ok, busy int64) {
	t.Helper()
	var stored, refused atomic.Int64
	errs := make(chan error, n)
	body := NewBody(size)
	var putting sync.WaitGroup
	for range n {
		own := append([]byte(NewName()), body[:size-32]...)
		putting.Go(func() {
			got, err := s.Do(t.Context(), http.MethodPut, ObjectURL(s.API[0], NewName()), own)
			switch {
			case err != nil:
			case got.Status == http.StatusOK:
				stored.Add(1)
			case got.Status == http.StatusServiceUnavailable && got.Header.Get("Retry-After") != "":
				refused.Add(1)
			default:
				err = fmt.Errorf("%d %s", got.Status, got.Body)
			}
			errs <- err
		})
	}
	putting.Wait()
	for range n {
		require.NoError(t, <-errs)
	}
	return stored.Load(), refused.Load()
}

// crowd opens n connections, sends a request on each and reads a little of the answers, a while
// later.
func (s *Store) crowd(t *testing.T, n int, request string) {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		conn := s.dial(t, s.API[0])
		defer conn.Close() // nothing of it is used any more
		_, err := conn.Write([]byte(request))
		require.NoError(t, err)
		conns[i] = conn
	}
	piece := make([]byte, 64<<10)
	for range 3 {
		for _, conn := range conns {
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Millisecond)))
			_, _ = conn.Read(piece) // it may have nothing yet
		}
	}
}

// halfPut is the beginning of a PUT of body.
func halfPut(body []byte) string {
	return fmt.Sprintf("PUT /objects/%s HTTP/1.1\r\nHost: store\r\nContent-Length: %d\r\nDigest: %s\r\n\r\n%s",
		NewName(), len(body), digest(body), body[:len(body)/2])
}

// peakMemory returns the most memory that a process has used, in bytes.
func peakMemory(t *testing.T, p *cluster.Process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		t.Skipf("not tested: the memory of a process needs /proc: %v", err)
	}
	kilobytes := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, kilobytes)
	n, err := strconv.ParseInt(string(kilobytes[1]), 10, 64)
	require.NoError(t, err)
	return n << 10
}
