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

// locateURL returns the locate URL of an object: by name, from chapter 3 on by hash.
func (s *Store) locateURL(name string, body []byte) string {
	if namedFiles().has(s.chapter) {
		return s.API[0] + "/locate/" + names.Segment(name)
	}
	return s.API[0] + "/locate/" + url.PathEscape(hash.Of(body).String())
}

// holderOf returns the address of the data service that holds an object. It asks again if not all data
// services answer in time.
func (s *Store) holderOf(t *testing.T, name string, body []byte) (address string) {
	t.Helper()
	var got Answer
	Eventually(t, recoveryTimeout, func() error {
		if got = s.Send(t, http.MethodGet, s.locateURL(name, body), nil); got.Status == http.StatusServiceUnavailable {
			return fmt.Errorf("%s", got.Body)
		}
		return nil
	})
	require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.NoError(t, json.Unmarshal(got.Body, &address))
	return address
}

func locate(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	address := s.holderOf(t, name, body)
	require.Regexp(t, `^[\w.-]+:\d+$`, address)
	if s.Cluster != nil {
		owner := s.OwnerOf(t, s.RequireFiles(t, 1, body[:prefixLen])[0])
		require.Equal(t, owner.Address, address)
	}
}

func locateUnknown(t *testing.T, s *Store) {
	RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, s.locateURL(NewName(), NewBody(10)), nil))
	RequireError(t, http.StatusBadRequest, s.Send(t, http.MethodGet, s.API[0]+"/locate/..", nil))
}

// absenceIsKnownAtOnce puts new names one after the other. If each waited out the locate timeout of
// one second, none would be faster.
func absenceIsKnownAtOnce(t *testing.T, s *Store) {
	fastest := time.Hour
	for range 20 {
		start := time.Now()
		s.Put(t, NewName(), NewBody(10))
		fastest = min(fastest, time.Since(start))
	}
	require.Less(t, fastest, 500*time.Millisecond)
}

// eitherAPIService puts through one API service and gets through the other immediately.
func eitherAPIService(t *testing.T, s *Store) {
	for i := range 20 {
		name, body := NewName(), NewBody(1000)
		require.NoError(t, s.TryPut(t.Context(), s.API[i%len(s.API)], name, body))
		require.NoError(t, s.TryGet(t.Context(), s.API[(i+1)%len(s.API)], name, body))
	}
}

// allDataServicesAreUsed puts objects until every data service has one. With six of them and a
// uniform choice, more than 200 puts are needed once in 10^15 runs.
func allDataServicesAreUsed(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	used := map[string]bool{}
	for i := 0; i < 200 && len(used) < len(s.Cluster.Data); i++ {
		name, body := NewName(), NewBody(10)
		s.Put(t, name, body)
		used[s.holderOf(t, name, body)] = true
	}
	require.Len(t, used, len(s.Cluster.Data))
}

// overwriteGoesToHolder puts one name repeatedly through both API services. There is never more
// than one file of it, so no GET can find an old one.
func overwriteGoesToHolder(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	mark, name := NewBody(prefixLen), NewName()
	for i := range 20 {
		body := append(mark[:prefixLen:prefixLen], byte(i))
		require.NoError(t, s.TryPut(t.Context(), s.API[i%len(s.API)], name, body))
		require.NoError(t, s.TryGet(t.Context(), s.API[(i+1)%len(s.API)], name, body))
	}
	s.RequireFiles(t, 1, mark)
}

// putSpread puts objects until every data service holds at least n, and returns them by address.
func (s *Store) putSpread(t *testing.T, n int) map[string]map[string][]byte {
	t.Helper()
	held := map[string]map[string][]byte{}
	Eventually(t, 30*time.Second, func() error {
		name, body := NewName(), NewBody(1000)
		s.Put(t, name, body)
		address := s.holderOf(t, name, body)
		if held[address] == nil {
			held[address] = map[string][]byte{}
		}
		held[address][name] = body
		for _, p := range s.Cluster.Data {
			if len(held[p.Address]) < n {
				return fmt.Errorf("%s holds %d objects", p.Name, len(held[p.Address]))
			}
		}
		return nil
	})
	return held
}

// GetAll gets objects and returns an error unless each has the right body.
func (s *Store) GetAll(t *testing.T, objects map[string][]byte) error {
	var errs []error
	for name, body := range objects {
		errs = append(errs, s.TryGet(t.Context(), s.API[0], name, body))
	}
	return errors.Join(errs...)
}
