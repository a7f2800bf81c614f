package suite

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// manyVersions lists thousands of versions, in the long form a million, and logs the API service's
// peak memory.
func manyVersions(t *testing.T, s *Store) {
	s = s.Another(t, func(*cluster.Config) {}) // with an index of its own
	n := 5_000
	if IsLong() {
		n = 1_000_000
	}
	name, body := NewName(), NewBody(10)
	s.Put(t, name, body)
	s.fill(t, n)
	before := PeakMemory(t, s.Cluster.API[0])
	require.Equal(t, n+1, s.countVersions(t))
	t.Logf("an API service's peak memory: %d KiB before, %d KiB after %d versions", before, PeakMemory(t, s.Cluster.API[0]), n)
}

// fill adds n objects with one version each directly to Elasticsearch.
func (s *Store) fill(t *testing.T, n int) {
	const batchSize = 5000
	url := fmt.Sprintf("%s/%s-000001/_bulk", s.Servers.URLs().Elasticsearch, s.Cluster.Index())
	for from := 0; from < n; from += batchSize {
		var lines bytes.Buffer
		for i := from; i < min(n, from+batchSize); i++ {
			fmt.Fprintf(&lines, "{\"create\":{\"_id\":\"many-%07d_1\"}}\n", i)
			fmt.Fprintf(&lines, "{\"name\":\"many-%07d\",\"version\":1,\"size\":0,\"hash\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}\n", i)
		}
		got := s.SendWith(t, http.MethodPost, url, http.Header{"Content-Type": {"application/x-ndjson"}}, lines.Bytes())
		require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
		require.Contains(t, string(got.Body[:100]), `"errors":false`)
	}
}

// countVersions streams the list of all versions. It checks that every object appears once and in
// order.
func (s *Store) countVersions(t *testing.T) (n int) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.API[0]+"/versions/", nil)
	require.NoError(t, err)
	request.Close = true
	response, err := (&http.Client{Transport: s.HTTP.Transport}).Do(request) // without a timeout
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines, last := bufio.NewScanner(response.Body), ""
	for ; lines.Scan(); n++ {
		var v Version
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		require.Less(t, last, v.Name)
		last = v.Name
	}
	require.NoError(t, lines.Err())
	return n
}

// PeakMemory returns the peak resident memory of a process in KiB. It returns 0 where there is no
// /proc, for a process that has exited, and with the race detector, which takes three times as much itself.
func PeakMemory(t *testing.T, p *cluster.Process) (kib int) {
	t.Helper()
	if cluster.RaceEnabled {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	require.NoError(t, err)
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(line, &kib)
	require.NoError(t, err)
	return kib
}
