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
		name, body := NewName(), NewBody(size)
		s.Put(t, name, body)
		got := s.Get(t, name)
		require.Equal(t, http.StatusOK, got.Status)
		require.Equal(t, strconv.Itoa(size), got.Header.Get("Content-Length"))
		require.True(t, bytes.Equal(body, got.Body), "%d bytes, different from the %d that were put", len(got.Body), size)
	}
}

func head(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	got := s.Send(t, http.MethodHead, ObjectURL(s.API[0], name), nil)
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, "1000", got.Header.Get("Content-Length"))
	require.Empty(t, got.Body)
	got = s.Send(t, http.MethodHead, ObjectURL(s.API[0], NewName()), nil)
	require.Equal(t, http.StatusNotFound, got.Status)
}

func unknownObject(t *testing.T, s *Store) {
	RequireError(t, http.StatusNotFound, s.Get(t, NewName()))
}

func overwrite(t *testing.T, s *Store) {
	name := NewName()
	for _, size := range []int{1000, 10, 0, 100_000} {
		body := NewBody(size)
		s.Put(t, name, body)
		s.RequireObject(t, name, body)
	}
}

// overwriteWhileReading replaces an object while it is being read. The reader gets all of the old
// one.
func overwriteWhileReading(t *testing.T, s *Store) {
	name, old, next := NewName(), NewBody(32<<20), NewBody(100)
	s.Put(t, name, old)
	response, err := s.HTTP.Get(ObjectURL(s.API[0], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	s.Put(t, name, next)
	s.RequireObject(t, name, next)
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.True(t, bytes.Equal(old, got), "%d bytes, different from the %d of the old object", len(got), len(old))
}

// concurrentOverwrites has concurrent writers and readers of one name. Every read gets one complete
// body.
func concurrentOverwrites(t *testing.T, s *Store) {
	name, bodies := NewName(), [][]byte{}
	for i := range 8 {
		bodies = append(bodies, bytes.Repeat([]byte{byte('a' + i)}, 50_000+i))
	}
	s.Put(t, name, bodies[0])
	errs := make(chan error, 2*len(bodies))
	var workers sync.WaitGroup
	for i, body := range bodies {
		api := s.API[i%len(s.API)]
		workers.Go(func() { errs <- s.TryPut(t.Context(), api, name, body) })
		workers.Go(func() { errs <- s.getsOneOf(t.Context(), api, name, bodies) })
	}
	workers.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, s.getsOneOf(t.Context(), s.API[0], name, bodies))
}

func (s *Store) getsOneOf(ctx context.Context, api, name string, bodies [][]byte) error {
	got, err := s.Do(ctx, http.MethodGet, ObjectURL(api, name), nil)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		if got.Status == http.StatusOK && bytes.Equal(body, got.Body) {
			return nil
		}
	}
	return fmt.Errorf("GET %s: %d, %d bytes that were never put", name, got.Status, len(got.Body))
}

func putOfUnknownLength(t *testing.T, s *Store) {
	for _, size := range []int{0, 1, 3 << 20} {
		name, body := NewName(), NewBody(size)
		request, err := http.NewRequest(http.MethodPut, ObjectURL(s.API[0], name), io.MultiReader(bytes.NewReader(body)))
		require.NoError(t, err)
		require.Zero(t, request.ContentLength, "with a body, 0 means an unknown length")
		response, err := s.HTTP.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		s.RequireObject(t, name, body)
	}
}

// fileOnDisk checks that a PUT leaves one file with the object's name and bytes.
func fileOnDisk(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	name, body := "a b/ü "+NewName(), NewBody(10_000)
	s.Put(t, name, body)
	file := s.RequireFiles(t, 1, body[:prefixLen])[0]
	want, err := names.File(name)
	require.NoError(t, err)
	require.Equal(t, s.OwnerOf(t, file).Root+"/objects/"+want, file)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))
}
