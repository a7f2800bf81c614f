package suite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/names"
)

func putThenGet(t *testing.T, s *Store) {
	for _, size := range []int{0, 1, 4 << 10, 1<<20 + 1, 40 << 20} {
		name, body := newName(), newBody(size)
		s.put(t, name, body)
		got := s.get(t, name)
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, strconv.Itoa(size), got.header.Get("Content-Length"))
		require.True(t, bytes.Equal(body, got.body), "%d bytes that are not the %d that were put", len(got.body), size)
	}
}

func head(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	got := s.send(t, http.MethodHead, objectURL(s.api[0], name), nil)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "1000", got.header.Get("Content-Length"))
	require.Empty(t, got.body)
	got = s.send(t, http.MethodHead, objectURL(s.api[0], newName()), nil)
	require.Equal(t, http.StatusNotFound, got.status)
}

func unknownObject(t *testing.T, s *Store) {
	requireError(t, http.StatusNotFound, s.get(t, newName()))
}

func overwrite(t *testing.T, s *Store) {
	name := newName()
	for _, size := range []int{1000, 10, 0, 100_000} {
		body := newBody(size)
		s.put(t, name, body)
		s.requireObject(t, name, body)
	}
}

// overwriteWhileReading has a reader begin an object and end it after it was replaced: what it gets
// is the old one, whole.
func overwriteWhileReading(t *testing.T, s *Store) {
	name, old, next := newName(), newBody(32<<20), newBody(100)
	s.put(t, name, old)
	response, err := s.http.Get(objectURL(s.api[0], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	s.put(t, name, next)
	s.requireObject(t, name, next)
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.True(t, bytes.Equal(old, got), "%d bytes that are not the %d of the old object", len(got), len(old))
}

// concurrentOverwrites has writers and readers of one name: every read is of one body, whole, and in
// the end there is one.
func concurrentOverwrites(t *testing.T, s *Store) {
	name, bodies := newName(), [][]byte{}
	for i := range 8 {
		bodies = append(bodies, bytes.Repeat([]byte{byte('a' + i)}, 50_000+i))
	}
	s.put(t, name, bodies[0])
	errs := make(chan error, 2*len(bodies))
	var workers sync.WaitGroup
	for i, body := range bodies {
		api := s.api[i%len(s.api)]
		workers.Go(func() { errs <- s.tryPut(t.Context(), api, name, body) })
		workers.Go(func() { errs <- s.getsOneOf(t.Context(), api, name, bodies) })
	}
	workers.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, s.getsOneOf(t.Context(), s.api[0], name, bodies))
}

func (s *Store) getsOneOf(ctx context.Context, api, name string, bodies [][]byte) error {
	got, err := s.do(ctx, http.MethodGet, objectURL(api, name), nil)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		if got.status == http.StatusOK && bytes.Equal(body, got.body) {
			return nil
		}
	}
	return fmt.Errorf("GET %s: %d, %d bytes, which nobody put", name, got.status, len(got.body))
}

func putOfUnknownLength(t *testing.T, s *Store) {
	for _, size := range []int{0, 1, 3 << 20} {
		name, body := newName(), newBody(size)
		request, err := http.NewRequest(http.MethodPut, objectURL(s.api[0], name), io.MultiReader(bytes.NewReader(body)))
		require.NoError(t, err)
		require.Zero(t, request.ContentLength, "with a body that means: not known")
		response, err := s.http.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		s.requireObject(t, name, body)
	}
}

// fileOnDisk looks at what a PUT leaves: one file of the object's name with its bytes.
func fileOnDisk(t *testing.T, s *Store) {
	s.needProcesses(t)
	name, body := "a b/ü "+newName(), newBody(10_000)
	s.put(t, name, body)
	file := s.requireFiles(t, 1, body[:beginning])[0]
	want, err := names.File(name)
	require.NoError(t, err)
	require.Equal(t, s.ownerOf(t, file).Root+"/objects/"+want, file)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))
}
