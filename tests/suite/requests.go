package suite

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func wrongMethods(t *testing.T, s *Store) {
	for _, method := range []string{http.MethodPost, http.MethodPatch, "BREW"} {
		got := s.send(t, method, objectURL(s.api[0], newName()), []byte("body"))
		requireError(t, http.StatusMethodNotAllowed, got)
		require.Contains(t, got.header.Get("Allow"), "GET, HEAD")
		require.Contains(t, got.header.Get("Allow"), "PUT")
	}
	got := s.send(t, http.MethodPut, s.api[0]+"/healthz", []byte("body"))
	requireError(t, http.StatusMethodNotAllowed, got)
	require.Equal(t, "GET, HEAD", got.header.Get("Allow"))
}

func noDeleteYet(t *testing.T, s *Store) {
	name, body := newName(), newBody(100)
	s.put(t, name, body)
	requireError(t, http.StatusMethodNotAllowed, s.send(t, http.MethodDelete, objectURL(s.api[0], name), nil))
	s.requireObject(t, name, body)
}

func wrongPaths(t *testing.T, s *Store) {
	for _, path := range []string{"", "/", "/object/x", "/../etc/passwd", "/objects%2fx", "/Objects/x"} {
		requireError(t, http.StatusNotFound, s.send(t, http.MethodGet, s.api[0]+path, nil))
	}
	requireError(t, http.StatusBadRequest, s.send(t, http.MethodGet, s.api[0]+"/objects", nil))
}

// bodyCutShort sends half of a body and no more: nothing is kept.
func bodyCutShort(t *testing.T, s *Store) {
	name, body := newName(), newBody(600_000)
	p := s.beginPut(t, s.api[0], name, body, len(body)/2)
	p.closeWrite(t)
	// net/http takes a closed connection for a client that has left, and may cut it without an answer.
	if got, err := p.answer(10 * time.Second); err == nil {
		requireError(t, http.StatusBadRequest, got)
	}
	s.requireNothingOf(t, name, body[:beginning])
}

func bodyCutShortKeepsOld(t *testing.T, s *Store) {
	name, old, body := newName(), newBody(1000), newBody(600_000)
	s.put(t, name, old)
	p := s.beginPut(t, s.api[0], name, body, len(body)/2)
	require.NoError(t, p.conn.Close())
	if s.cluster != nil {
		s.requireFiles(t, 0, body[:beginning])
	}
	s.requireObject(t, name, old)
}

func bodyOfBadChunks(t *testing.T, s *Store) {
	name := newName()
	got := s.rawRequest(t, fmt.Sprintf("PUT /objects/%s HTTP/1.1\r\nHost: store\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n", name))
	requireError(t, http.StatusBadRequest, got)
	s.requireNothingOf(t, name, []byte("hello"))
}

// clientStalls sends half of a body and then nothing, on an open connection.
func clientStalls(t *testing.T, s *Store) {
	name, body := newName(), newBody(600_000)
	p := s.beginPut(t, s.api[0], name, body, len(body)/2)
	got, err := p.answer(time.Minute)
	require.NoError(t, err)
	requireError(t, http.StatusRequestTimeout, got)
	s.requireNothingOf(t, name, body[:beginning])
}

func clientLeavesInMidGet(t *testing.T, s *Store) {
	name, body := newName(), newBody(32<<20)
	s.put(t, name, body)
	response, err := s.http.Get(objectURL(s.api[0], name))
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, response.Body, 1000)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	s.requireObject(t, name, body)
}

// requireNothingOf checks that a PUT has left no trace: no object, no file, not even a temporary one.
func (s *Store) requireNothingOf(t *testing.T, name string, body []byte) {
	t.Helper()
	requireError(t, http.StatusNotFound, s.get(t, name))
	if s.cluster != nil {
		s.requireFiles(t, 0, body)
	}
}
