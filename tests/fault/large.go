package fault

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/suite"
)

const (
	large     = 10 << 30
	maxMemory = 64 << 10 // KiB resident, of each process
)

// tenGiB writes and reads an object of 10 GiB, with six data services and with four. The resident
// memory of every process stays below 64 MiB.
func tenGiB(t *testing.T, s *suite.Store) {
	if !suite.IsLong() {
		t.Skip("long form only: it takes minutes and 15 GiB of disk")
	}
	s = s.Another(t, func(*cluster.Config) {})
	s.HTTP.Timeout = 0
	name, sum := suite.NewName(), sumOf(t, stream())
	putLarge(t, s, name, sum)
	requireLittleMemory(t, s, "PUT")
	require.Equal(t, sum, getLarge(t, s, name))
	requireLittleMemory(t, s, "GET")
	for _, p := range s.Cluster.Data[:2] {
		require.NoError(t, p.Stop())
	}
	require.Equal(t, sum, getLarge(t, s, name))
	requireLittleMemory(t, s, "GET with two data services stopped")
}

// stream returns the object's bytes, the same in each call.
func stream() io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{}), large)
}

func sumOf(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	n, err := io.CopyBuffer(h, r, make([]byte, 1<<20))
	require.NoError(t, err)
	require.EqualValues(t, large, n)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func putLarge(t *testing.T, s *suite.Store, name, sum string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, suite.ObjectURL(s.API[0], name), stream())
	require.NoError(t, err)
	request.ContentLength = large
	request.Header.Set("Digest", "SHA-256="+sum)
	response, err := s.HTTP.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	line, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", line)
}

// getLarge gets an object and returns its SHA-256.
func getLarge(t *testing.T, s *suite.Store, name string) string {
	t.Helper()
	response, err := s.HTTP.Get(suite.ObjectURL(s.API[1], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	require.Equal(t, http.StatusOK, response.StatusCode)
	return sumOf(t, response.Body)
}

// requireLittleMemory checks the peak resident memory of each process.
func requireLittleMemory(t *testing.T, s *suite.Store, after string) {
	t.Helper()
	for _, p := range s.Cluster.All() {
		peak := suite.PeakMemory(t, p)
		t.Logf("%s: %s peak memory %d KiB", after, p.Name, peak)
		require.LessOrEqual(t, peak, maxMemory, "%s, after %s", p.Name, after)
	}
}
