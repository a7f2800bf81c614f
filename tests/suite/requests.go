package suite

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func wrongMethods(t *testing.T, s *Store) {
	methods := []string{http.MethodPatch, "BREW"}
	if !resuming().has(s.chapter) {
		methods = append(methods, http.MethodPost) // which begins an upload
	}
	for _, method := range methods {
		got := s.Send(t, method, ObjectURL(s.API[0], NewName()), []byte("body"))
		RequireError(t, http.StatusMethodNotAllowed, got)
		require.Contains(t, got.Header.Get("Allow"), "GET, HEAD")
		require.Contains(t, got.Header.Get("Allow"), "PUT")
	}
	got := s.Send(t, http.MethodPut, s.API[0]+"/healthz", []byte("body"))
	RequireError(t, http.StatusMethodNotAllowed, got)
	require.Equal(t, "GET, HEAD", got.Header.Get("Allow"))
}

func noDeleteYet(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(100)
	s.Put(t, name, body)
	RequireError(t, http.StatusMethodNotAllowed, s.Send(t, http.MethodDelete, ObjectURL(s.API[0], name), nil))
	s.RequireObject(t, name, body)
}

func wrongPaths(t *testing.T, s *Store) {
	for _, path := range []string{"", "/", "/object/x", "/../etc/passwd", "/objects%2fx", "/Objects/x"} {
		RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, s.API[0]+path, nil))
	}
	RequireError(t, http.StatusBadRequest, s.Send(t, http.MethodGet, s.API[0]+"/objects", nil))
}

// bodyCutShort sends half of a body and ends it: nothing is stored.
func bodyCutShort(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	p := s.BeginPut(t, s.API[0], name, body, len(body)/2)
	p.closeWrite(t)
	// net/http treats a half-closed connection as a client that left, and may close it without an
	// answer.
	if got, err := p.Answer(10 * time.Second); err == nil {
		RequireError(t, http.StatusBadRequest, got)
	}
	s.requireNothingOf(t, name, body[:prefixLen])
}

// halfClosedConnection has a client that says after its request that no other comes, and then reads the
// answer.
func halfClosedConnection(t *testing.T, s *Store) {
	for _, size := range []int{0, 100, 3 << 20} {
		for _, api := range s.API {
			name, body := NewName(), NewBody(size)
			p := s.BeginPut(t, api, name, body, size)
			p.closeWrite(t)
			got, err := p.Answer(time.Minute)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)

			p = &SlowPut{s.dial(t, api)}
			p.Write(t, fmt.Appendf(nil, "GET /objects/%s HTTP/1.1\r\nHost: store\r\n\r\n", name))
			p.closeWrite(t)
			got, err = p.Answer(time.Minute)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, got.Status, "%.100s", got.Body)
			require.True(t, bytes.Equal(body, got.Body))
		}
	}
}

func bodyCutShortKeepsOld(t *testing.T, s *Store) {
	name, old, body := NewName(), NewBody(1000), NewBody(2<<20)
	s.Put(t, name, old)
	p := s.BeginPut(t, s.API[0], name, body, len(body)/2)
	require.NoError(t, p.conn.Close())
	if s.Cluster != nil {
		s.RequireFiles(t, 0, body[:prefixLen])
	}
	s.RequireObject(t, name, old)
}

// partialPut sends a part of an object, which would become the whole of it (RFC 9110, section 14.5).
func partialPut(t *testing.T, s *Store) {
	name, old, part := NewName(), NewBody(1000), NewBody(10)
	s.Put(t, name, old)
	header := http.Header{"Content-Range": {"bytes 7-16/1000"}, "Digest": {digest(part)}}
	RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, part))
	s.RequireObject(t, name, old)
}

func bodyOfBadChunks(t *testing.T, s *Store) {
	name := NewName()
	got := s.rawRequest(t, fmt.Sprintf("PUT /objects/%s HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n", name))
	RequireError(t, http.StatusBadRequest, got)
	s.requireNothingOf(t, name, []byte("hello"))
}

// clientStalls sends half of a body and then nothing, on an open connection.
func clientStalls(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	p := s.BeginPut(t, s.API[0], name, body, len(body)/2)
	got, err := p.Answer(time.Minute)
	require.NoError(t, err)
	RequireError(t, http.StatusRequestTimeout, got)
	s.requireNothingOf(t, name, body[:prefixLen])
}

// slowness is how long a slow client keeps a store waiting: longer than the timeouts for a byte of
// a body and for a data service. It is what these tests are about, so it is a plain sleep.
const slowness = 20 * time.Second

// clientSendsSlowly sends a piece of the body every second. Pauses are short enough for the byte
// timeout, but the whole takes longer than it.
func clientSendsSlowly(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(2<<20)
	sent := len(body) / 2
	p := s.BeginPut(t, s.API[0], name, body, sent)
	for begin := time.Now(); time.Since(begin) < slowness; time.Sleep(time.Second) {
		p.Write(t, body[sent:sent+1000])
		sent += 1000
	}
	p.Write(t, body[sent:])
	got, err := p.Answer(time.Minute)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, got.Status, string(got.Body))
	s.RequireObject(t, name, body)
}

// clientTakesSlowly reads a response late. The response is larger than the kernel buffers on its
// way.
func clientTakesSlowly(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(64<<20)
	s.Put(t, name, body)
	response, err := s.HTTP.Get(ObjectURL(s.API[0], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to the end
	time.Sleep(slowness)
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))
}

func clientLeavesInMidGet(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(32<<20)
	s.Put(t, name, body)
	response, err := s.HTTP.Get(ObjectURL(s.API[0], name))
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, response.Body, 1000)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	s.RequireObject(t, name, body)
}

// requireNothingOf checks that a PUT left neither an object nor a file, temporary ones included.
func (s *Store) requireNothingOf(t *testing.T, name string, body []byte) {
	t.Helper()
	RequireError(t, http.StatusNotFound, s.Get(t, name))
	if s.Cluster != nil {
		s.RequireFiles(t, 0, body)
	}
}
