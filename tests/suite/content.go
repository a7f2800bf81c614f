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

// wrongBody announces the digest of another body: nothing is stored.
func wrongBody(t *testing.T, s *Store) {
	for _, size := range []int{1, 1000, 3 << 20} {
		name, body := NewName(), NewBody(max(size, prefixLen))
		other := bytes.Clone(body)
		other[len(other)-1]++
		RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), http.Header{"Digest": {digest(other)}}, body))
		s.requireNothingOf(t, name, body[:prefixLen])
	}
	name := NewName()
	RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), http.Header{"Digest": {digest([]byte("x"))}}, nil))
	RequireError(t, http.StatusNotFound, s.Get(t, name))
}

// wrongBodyOfStoredContent announces the digest of stored content and sends another body. Knowing a
// digest must not be enough to get the content.
func wrongBodyOfStoredContent(t *testing.T, s *Store) {
	name, stolen, body := NewName(), NewName(), NewBody(1000)
	s.Put(t, name, body)
	header := http.Header{"Digest": {digest(body)}}
	for _, wrong := range [][]byte{nil, []byte("x"), make([]byte, 1000), append(bytes.Clone(body), 0)} {
		RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], stolen), header, wrong))
	}
	RequireError(t, http.StatusNotFound, s.Get(t, stolen))
	s.RequireObject(t, name, body)
}

// storedContentMustBeSentAgain sends "Expect: 100-continue" for stored content: the server must ask
// for the body.
func storedContentMustBeSentAgain(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	request, err := http.NewRequest(http.MethodPut, ObjectURL(s.API[0], NewName()), nil)
	require.NoError(t, err)
	got := s.rawRequest(t, fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: store\r\nExpect: 100-continue\r\nContent-Length: %d\r\nDigest: %s\r\n\r\n",
		request.URL.Path, len(body), digest(body)))
	require.Equal(t, http.StatusContinue, got.Status)
}

func equalContentIsStoredOnce(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	body := NewBody(10_000)
	for i := range 6 {
		name := NewName()
		require.NoError(t, s.TryPut(t.Context(), s.API[i%len(s.API)], name, body))
		s.RequireObject(t, name, body)
	}
	s.RequireFiles(t, 1, body[:prefixLen])
}

// equalContentAtOnce puts one content under many names concurrently: all of them can be read.
func equalContentAtOnce(t *testing.T, s *Store) {
	body, names, errs := NewBody(300_000), make([]string, 16), make([]error, 16)
	var putting sync.WaitGroup
	for i := range names {
		names[i] = NewName()
		putting.Go(func() { errs[i] = s.TryPut(t.Context(), s.API[i%len(s.API)], names[i], body) })
	}
	putting.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, name := range names {
		s.RequireObject(t, name, body)
	}
}

// equalContentMeets puts one content ten times concurrently, through all API services: it meets at one
// data service and is one file there.
func equalContentMeets(t *testing.T, s *Store) { requireEqualContentMeets(t, s, 1) }

// requireEqualContentMeets requires that a content put ten times concurrently is n files.
func requireEqualContentMeets(t *testing.T, s *Store, n int) {
	t.Helper()
	s.NeedProcesses(t)
	for range 5 {
		body, errs := NewBody(300_000), make([]error, 10)
		var putting sync.WaitGroup
		for i := range errs {
			putting.Go(func() { errs[i] = s.TryPut(t.Context(), s.API[i%len(s.API)], NewName(), body) })
		}
		putting.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Len(t, s.contentFiles(t, body), n)
	}
}

// unreadableFiles has a directory in the place of every file of a content, so that no data service can
// read what it holds: a PUT of the content stores it anew, and all its objects can be read again.
func unreadableFiles(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	old, name, body := NewName(), NewName(), NewBody(300_000)
	s.Put(t, old, body)
	files := s.contentFiles(t, body)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoError(t, os.Remove(file))
		require.NoError(t, os.Mkdir(file, 0o755))
	}
	got, err := s.Do(t.Context(), http.MethodGet, ObjectURL(s.API[0], old), nil)
	require.True(t, err != nil || got.Status >= 500, "%d", got.Status)
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
	s.RequireObject(t, old, body)
}

// contentFiles returns the files of a content on all data services.
func (s *Store) contentFiles(t *testing.T, body []byte) (files []string) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		found, err := filepath.Glob(filepath.Join(p.Root, "objects", hash.Of(body).Hex()+"*"))
		require.NoError(t, err)
		files = append(files, found...)
	}
	return files
}

// putRepairsCorruptFile puts content again before a GET finds that its file is corrupt.
func putRepairsCorruptFile(t *testing.T, s *Store) {
	name, again, body := NewName(), NewName(), NewBody(1000)
	s.Put(t, name, body)
	flip(t, s.RequireFiles(t, 1, body[:prefixLen])[0], 500)
	s.Put(t, again, body)
	s.RequireObject(t, again, body)
	s.RequireObject(t, name, body)
}

// corruptFile damages the single file of an object in several ways. It is never served as complete,
// it is quarantined, and a PUT of the content restores the object.
func corruptFile(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	for what, damage := range map[string]func(content []byte) []byte{
		"first byte":  func(content []byte) []byte { content[0]++; return content },
		"last byte":   func(content []byte) []byte { content[len(content)-1]++; return content },
		"cut short":   func(content []byte) []byte { return content[:len(content)-1] },
		"cut to half": func(content []byte) []byte { return content[:len(content)/2] },
		"emptied":     func([]byte) []byte { return nil },
		"made longer": func(content []byte) []byte { return append(content, 0) },
		"zeroed":      func(content []byte) []byte { return make([]byte, len(content)) },
	} {
		for _, size := range []int{1000, 3 << 20} {
			s.damage(t, fmt.Sprint(what, size), NewBody(size), damage)
		}
	}
}

func (s *Store) damage(t *testing.T, what string, body []byte, damage func(content []byte) []byte) {
	t.Helper()
	name := NewName()
	s.Put(t, name, body)
	file := s.RequireFiles(t, 1, body[:prefixLen])[0]
	require.NoError(t, os.WriteFile(file, damage(bytes.Clone(body)), 0o644))
	got, err := s.Do(t.Context(), http.MethodGet, ObjectURL(s.API[0], name), nil)
	require.True(t, err != nil || got.Status >= 500, "%s: %d %s", what, got.Status, got.Body)
	require.NoFileExists(t, file, what)
	require.FileExists(t, filepath.Join(s.OwnerOf(t, file).Root, "quarantine", filepath.Base(file)), what)
	require.Equal(t, http.StatusNotFound, s.Send(t, http.MethodGet, s.locateURL(name, body), nil).Status, what)
	RequireError(t, http.StatusServiceUnavailable, s.Get(t, name))
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
}

// uploadInTwoPhases tests the data service's side of a PUT, which only API services use.
func uploadInTwoPhases(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	temp := s.Cluster.Data[0].URL() + "/temp/"
	begin := func(content []byte, size string) Answer {
		return s.SendWith(t, http.MethodPost, temp+hash.Of(content).Hex(), http.Header{"Size": {size}}, nil)
	}
	body := NewBody(1000)
	begun := func() (uploadURL string) {
		t.Helper()
		got := begin(body, strconv.Itoa(len(body)))
		require.Equal(t, http.StatusOK, got.Status)
		return temp + strings.TrimSpace(string(got.Body))
	}
	for _, size := range []string{"", "-1", "1.5", "9223372036854775808", "many"} {
		RequireError(t, http.StatusBadRequest, begin(body, size))
	}
	RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPost, temp+"x", http.Header{"Size": {"1"}}, nil))
	for _, method := range []string{http.MethodPatch, http.MethodPut, http.MethodDelete} {
		RequireError(t, http.StatusNotFound, s.SendWith(t, method, temp+"unknown", nil, nil))
	}

	short := begun()
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodPatch, short, body[:999]).Status)
	RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, short, nil, nil))
	RequireError(t, http.StatusBadRequest, s.Send(t, http.MethodPatch, begun(), append(bytes.Clone(body), 0)))
	dropped := begun()
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodPatch, dropped, body).Status)
	require.Equal(t, http.StatusNoContent, s.SendWith(t, http.MethodDelete, dropped, nil, nil).Status)
	RequireError(t, http.StatusNotFound, s.SendWith(t, http.MethodPut, dropped, nil, nil))
	s.RequireFiles(t, 0, body[:prefixLen])

	committed := begun()
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodPatch, committed, body[:600]).Status)
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodPatch, committed, body[600:]).Status)
	where := s.API[0] + "/locate/" + url.PathEscape(hash.Of(body).String())
	require.Equal(t, http.StatusNotFound, s.Send(t, http.MethodGet, where, nil).Status, "not before it is committed")
	require.Equal(t, http.StatusOK, s.SendWith(t, http.MethodPut, committed, nil, nil).Status)
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodGet, where, nil).Status)
	s.RequireFiles(t, 1, body[:prefixLen])
	require.Equal(t, body, s.Send(t, http.MethodGet, s.Cluster.Data[0].URL()+"/objects/"+hash.Of(body).Hex(), nil).Body)
}
