package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/common/names"
)

// locateURL is where to ask who holds an object: by its name, or from chapter 3 on by its hash.
func (s *Store) locateURL(name string, body []byte) string {
	if namedFiles().has(s.chapter) {
		return s.api[0] + "/locate/" + names.Segment(name)
	}
	return s.api[0] + "/locate/" + url.PathEscape(hash.Of(body).String())
}

// whereIs asks who holds an object.
func (s *Store) whereIs(t *testing.T, name string, body []byte) (address string) {
	t.Helper()
	got := s.send(t, http.MethodGet, s.locateURL(name, body), nil)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.NoError(t, json.Unmarshal(got.body, &address))
	return address
}

func locate(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	address := s.whereIs(t, name, body)
	require.Regexp(t, `^[\w.-]+:\d+$`, address)
	if s.cluster != nil {
		owner := s.ownerOf(t, s.requireFiles(t, 1, body[:beginning])[0])
		require.Equal(t, owner.Address, address)
	}
}

func locateUnknown(t *testing.T, s *Store) {
	requireError(t, http.StatusNotFound, s.send(t, http.MethodGet, s.locateURL(newName(), newBody(10)), nil))
	requireError(t, http.StatusBadRequest, s.send(t, http.MethodGet, s.api[0]+"/locate/..", nil))
}

// absenceIsKnownAtOnce puts new names one after the other. Were each to wait until a second without
// an answer has passed, they would take 20 s.
func absenceIsKnownAtOnce(t *testing.T, s *Store) {
	start := time.Now()
	for range 20 {
		s.put(t, newName(), newBody(10))
	}
	require.Less(t, time.Since(start), 10*time.Second)
}

// eitherAPIService puts through one API service and gets through the other, at once.
func eitherAPIService(t *testing.T, s *Store) {
	for i := range 20 {
		name, body := newName(), newBody(1000)
		require.NoError(t, s.tryPut(t.Context(), s.api[i%len(s.api)], name, body))
		require.NoError(t, s.tryGet(t.Context(), s.api[(i+1)%len(s.api)], name, body))
	}
}

// allDataServicesAreUsed puts objects until every data service has one. With six of them and a fair
// choice, more than 200 are needed once in 10^15 runs.
func allDataServicesAreUsed(t *testing.T, s *Store) {
	s.needProcesses(t)
	used := map[string]bool{}
	for i := 0; i < 200 && len(used) < len(s.cluster.Data); i++ {
		name, body := newName(), newBody(10)
		s.put(t, name, body)
		used[s.whereIs(t, name, body)] = true
	}
	require.Len(t, used, len(s.cluster.Data))
}

// overwriteGoesToHolder puts one name again and again, through both API services: there is never
// more than one file of it, so that no GET can find an old one.
func overwriteGoesToHolder(t *testing.T, s *Store) {
	s.needProcesses(t)
	mark, name := newBody(beginning), newName()
	for i := range 20 {
		body := append(mark[:beginning:beginning], byte(i))
		require.NoError(t, s.tryPut(t.Context(), s.api[i%len(s.api)], name, body))
		require.NoError(t, s.tryGet(t.Context(), s.api[(i+1)%len(s.api)], name, body))
	}
	s.requireFiles(t, 1, mark)
}

// putSpread puts objects until every data service holds at least n, and returns them by address.
func (s *Store) putSpread(t *testing.T, n int) map[string]map[string][]byte {
	t.Helper()
	held := map[string]map[string][]byte{}
	eventually(t, 30*time.Second, func() error {
		name, body := newName(), newBody(1000)
		s.put(t, name, body)
		address := s.whereIs(t, name, body)
		if held[address] == nil {
			held[address] = map[string][]byte{}
		}
		held[address][name] = body
		for _, p := range s.cluster.Data {
			if len(held[p.Address]) < n {
				return fmt.Errorf("%s holds %d objects", p.Name, len(held[p.Address]))
			}
		}
		return nil
	})
	return held
}

// getAll gets objects and returns an error unless each comes whole.
func (s *Store) getAll(t *testing.T, objects map[string][]byte) error {
	var errs []error
	for name, body := range objects {
		errs = append(errs, s.tryGet(t.Context(), s.api[0], name, body))
	}
	return errors.Join(errs...)
}
