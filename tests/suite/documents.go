package suite

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// impossibleSize announces a hash that no body of that length has.
func impossibleSize(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(10)
	for _, test := range []struct{ body, digested []byte }{{nil, body}, {body, nil}} {
		header := http.Header{"Digest": {digest(test.digested)}}
		got := s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, test.body)
		RequireError(t, http.StatusBadRequest, got)
	}
	RequireError(t, http.StatusNotFound, s.Get(t, name))
}

// documentsThatLie has metadata that no PUT makes: 500 with its id in the log, and never a 200 whose
// content is not that of its Digest.
func documentsThatLie(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	name, body := NewName(), NewBody(10)
	s.Put(t, name, body)
	content, empty := hash.Of(body).String(), hash.Of(nil).String()
	for i, lie := range []struct {
		size int64
		hash string
	}{{0, content}, {-1, content}, {10, empty}, {-1, empty}, {10, "rubbish"}} {
		liar := fmt.Sprintf("%s-%d", name, i)
		s.addDocument(t, liar, lie.size, lie.hash)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			got := s.Send(t, method, ObjectURL(s.API[0], liar), nil)
			require.Equal(t, http.StatusInternalServerError, got.Status, "%v", lie)
			require.Empty(t, got.Header.Get("Digest"))
		}
		Eventually(t, 10*time.Second, func() error {
			_ = s.Get(t, liar) // other tests write to the log too
			if !strings.Contains(s.Cluster.API[0].LogTail(), liar+"_1") {
				return errors.New("the log does not have the document's id")
			}
			return nil
		})
		s.Put(t, liar, body)
		s.RequireObject(t, liar, body)
	}
	s.requireWrongSizes(t, name, content)
	s.RequireObject(t, name, body)
}

// requireWrongSizes has sizes that may be right but are not. (A large object may be cut.)
func (s *Store) requireWrongSizes(t *testing.T, name, content string) {
	t.Helper()
	for _, size := range []int64{1, 9, 11, 10_000_000, 1 << 62} {
		liar := fmt.Sprintf("%s-of-%d", name, size)
		s.addDocument(t, liar, size, content)
		got, err := s.Do(t.Context(), http.MethodGet, ObjectURL(s.API[0], liar), nil)
		require.True(t, err != nil || got.Status >= http.StatusInternalServerError, "%d: %d %v", size, got.Status, got.Header)
	}
}

// addDocument adds version 1 of an object directly to Elasticsearch.
func (s *Store) addDocument(t *testing.T, name string, size int64, hash string) {
	t.Helper()
	url := fmt.Sprintf("%s/%s/_doc/%s_1", s.Servers.URLs().Elasticsearch, s.Cluster.Index(), name)
	document := fmt.Appendf(nil, `{"name":%q,"version":1,"size":%d,"hash":%q}`, name, size, hash)
	got := s.SendWith(t, http.MethodPut, url, http.Header{"Content-Type": {"application/json"}}, document)
	require.Equal(t, http.StatusCreated, got.Status, "%s", got.Body)
}
