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
	large      = 10 << 30
	mostMemory = 64 << 10 // KiB resident, of each process
)

// tenGiB writes and reads an object of 10 GiB, with all data services and with four of them. No process
// ever has more than 64 MiB resident.
func tenGiB(t *testing.T, s *suite.Store) {
	if !suite.IsLong() {
		t.Skip("in the long form: it takes minutes, and 15 GiB of disk")
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

// stream returns the object's bytes, the same each time.
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

// getLarge returns the sum of what it gets.
func getLarge(t *testing.T, s *suite.Store, name string) string {
	t.Helper()
	response, err := s.HTTP.Get(suite.ObjectURL(s.API[1], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	require.Equal(t, http.StatusOK, response.StatusCode)
	return sumOf(t, response.Body)
}

// requireLittleMemory looks at the most that each process had resident in its life.
func requireLittleMemory(t *testing.T, s *suite.Store, after string) {
	t.Helper()
	for _, p := range s.Cluster.All() {
		most := suite.PeakMemory(t, p)
		t.Logf("%s: %s had at most %d KiB resident", after, p.Name, most)
		require.LessOrEqual(t, most, mostMemory, "%s, after %s", p.Name, after)
	}
}
