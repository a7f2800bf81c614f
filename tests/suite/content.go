package suite

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// wrongBody announces the digest of another body: nothing is kept.
func wrongBody(t *testing.T, s *Store) {
	for _, size := range []int{1, 1000, 3 << 20} {
		name, body := newName(), newBody(max(size, beginning))
		other := bytes.Clone(body)
		other[len(other)-1]++
		requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), http.Header{"Digest": {digest(other)}}, body))
		s.requireNothingOf(t, name, body[:beginning])
	}
	name := newName()
	requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), http.Header{"Digest": {digest([]byte("x"))}}, nil))
	requireError(t, http.StatusNotFound, s.get(t, name))
}

// wrongBodyOfStoredContent announces a digest whose content is there, and sends something else: who
// knows no more than a digest must not get an object by it.
func wrongBodyOfStoredContent(t *testing.T, s *Store) {
	name, stolen, body := newName(), newName(), newBody(1000)
	s.put(t, name, body)
	header := http.Header{"Digest": {digest(body)}}
	for _, wrong := range [][]byte{nil, []byte("x"), make([]byte, 1000), append(bytes.Clone(body), 0)} {
		requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPut, objectURL(s.api[0], stolen), header, wrong))
	}
	requireError(t, http.StatusNotFound, s.get(t, stolen))
	s.requireObject(t, name, body)
}

// storedContentMustBeSentAgain asks before it sends the body of content that is there: the answer is
// to send it.
func storedContentMustBeSentAgain(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	request, err := http.NewRequest(http.MethodPut, objectURL(s.api[0], newName()), nil)
	require.NoError(t, err)
	got := s.rawRequest(t, fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: store\r\nExpect: 100-continue\r\nContent-Length: %d\r\nDigest: %s\r\n\r\n",
		request.URL.Path, len(body), digest(body)))
	require.Equal(t, http.StatusContinue, got.status)
}

func equalContentIsStoredOnce(t *testing.T, s *Store) {
	s.needProcesses(t)
	body := newBody(10_000)
	for i := range 6 {
		name := newName()
		require.NoError(t, s.tryPut(t.Context(), s.api[i%len(s.api)], name, body))
		s.requireObject(t, name, body)
	}
	s.requireFiles(t, 1, body[:beginning])
}

// equalContentAtOnce puts one content under many names at the same time: all of them have it.
func equalContentAtOnce(t *testing.T, s *Store) {
	body, names, errs := newBody(300_000), make([]string, 16), make([]error, 16)
	var putting sync.WaitGroup
	for i := range names {
		names[i] = newName()
		putting.Go(func() { errs[i] = s.tryPut(t.Context(), s.api[i%len(s.api)], names[i], body) })
	}
	putting.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, name := range names {
		s.requireObject(t, name, body)
	}
}

// rottenFile damages the one file of an object in every way: no client gets it for whole, it is set
// aside, and the object is there again once somebody puts it.
func rottenFile(t *testing.T, s *Store) {
	s.needProcesses(t)
	for what, damage := range map[string]func(content []byte) []byte{
		"first byte":   func(content []byte) []byte { content[0]++; return content },
		"last byte":    func(content []byte) []byte { content[len(content)-1]++; return content },
		"cut short":    func(content []byte) []byte { return content[:len(content)-1] },
		"cut to half":  func(content []byte) []byte { return content[:len(content)/2] },
		"emptied":      func([]byte) []byte { return nil },
		"made longer":  func(content []byte) []byte { return append(content, 0) },
		"made of zero": func(content []byte) []byte { return make([]byte, len(content)) },
	} {
		for _, size := range []int{1000, 3 << 20} {
			s.damage(t, fmt.Sprint(what, size), newBody(size), damage)
		}
	}
}

func (s *Store) damage(t *testing.T, what string, body []byte, damage func(content []byte) []byte) {
	t.Helper()
	name := newName()
	s.put(t, name, body)
	file := s.requireFiles(t, 1, body[:beginning])[0]
	require.NoError(t, os.WriteFile(file, damage(bytes.Clone(body)), 0o644))
	got, err := s.do(t.Context(), http.MethodGet, objectURL(s.api[0], name), nil)
	require.True(t, err != nil || got.status >= 500, "%s: %d %s", what, got.status, got.body)
	require.NoFileExists(t, file, what)
	require.FileExists(t, filepath.Join(s.ownerOf(t, file).Root, "rotten", filepath.Base(file)), what)
	require.Equal(t, http.StatusNotFound, s.send(t, http.MethodGet, s.locateURL(name, body), nil).status, what)
	requireError(t, http.StatusServiceUnavailable, s.get(t, name))
	s.put(t, name, body)
	s.requireObject(t, name, body)
}

// uploadInTwoPhases is a data service's side of a PUT, which API services alone talk to.
func uploadInTwoPhases(t *testing.T, s *Store) {
	s.needProcesses(t)
	temp := s.cluster.Data[0].URL() + "/temp/"
	begin := func(content []byte, size string) answer {
		return s.sendWith(t, http.MethodPost, temp+hash.Of(content).Hex(), http.Header{"Size": {size}}, nil)
	}
	body := newBody(1000)
	begun := func() (uploadURL string) {
		t.Helper()
		got := begin(body, strconv.Itoa(len(body)))
		require.Equal(t, http.StatusOK, got.status)
		return temp + strings.TrimSpace(string(got.body))
	}
	for _, size := range []string{"", "-1", "1.5", "9223372036854775808", "many"} {
		requireError(t, http.StatusBadRequest, begin(body, size))
	}
	requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPost, temp+"x", http.Header{"Size": {"1"}}, nil))
	for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete} {
		requireError(t, http.StatusNotFound, s.sendWith(t, method, temp+"nobodys", nil, nil))
	}

	short := begun()
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, short, body[:999]).status)
	requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPut, short, nil, nil))
	requireError(t, http.StatusBadRequest, s.send(t, http.MethodPatch, begun(), append(bytes.Clone(body), 0)))
	dropped := begun()
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, dropped, body).status)
	require.Equal(t, http.StatusNoContent, s.sendWith(t, http.MethodDelete, dropped, nil, nil).status)
	requireError(t, http.StatusNotFound, s.sendWith(t, http.MethodPut, dropped, nil, nil))
	s.requireFiles(t, 0, body[:beginning])

	kept := begun()
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, kept, body[:600]).status)
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, kept, body[600:]).status)
	where := s.api[0] + "/locate/" + url.PathEscape(hash.Of(body).String())
	require.Equal(t, http.StatusNotFound, s.send(t, http.MethodGet, where, nil).status, "not before it is committed")
	require.Equal(t, http.StatusOK, s.sendWith(t, http.MethodPut, kept, nil, nil).status)
	require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, where, nil).status)
	s.requireFiles(t, 1, body[:beginning])
	require.Equal(t, body, s.send(t, http.MethodGet, s.cluster.Data[0].URL()+"/objects/"+hash.Of(body).Hex(), nil).body)
}
