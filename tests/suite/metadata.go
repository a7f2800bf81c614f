package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/common/names"
)

// version is a line of /versions/.
type version struct {
	Name    string            `json:"name"`
	Version int64             `json:"version"`
	Size    int64             `json:"size"`
	Hash    string            `json:"hash"`
	Meta    map[string]string `json:"meta"`
}

// tryVersions lists the versions of an object.
func (s *Store) tryVersions(ctx context.Context, api, name string) (list []version, err error) {
	got, err := s.do(ctx, http.MethodGet, api+"/versions/"+names.Segment(name), nil)
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK {
		return nil, fmt.Errorf("versions of %s: %d %s", name, got.status, got.body)
	}
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	for {
		var v version
		if err := decoder.Decode(&v); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (s *Store) versionsOf(t *testing.T, name string) []version {
	t.Helper()
	list, err := s.tryVersions(t.Context(), s.api[0], name)
	require.NoError(t, err)
	return list
}

func (s *Store) delete(t *testing.T, name string) {
	t.Helper()
	got := s.send(t, http.MethodDelete, objectURL(s.api[0], name), nil)
	require.Equal(t, http.StatusNoContent, got.status, "%s", got.body)
	require.Empty(t, got.body)
}

// versions looks at what PUT and DELETE leave in the list, and at what GET and HEAD say of a version.
func versions(t *testing.T, s *Store) {
	name, first, second := newName(), newBody(10), newBody(20)
	requireError(t, http.StatusNotFound, s.send(t, http.MethodGet, s.api[0]+"/versions/"+name, nil))
	s.put(t, name, first)
	s.put(t, name, second)
	s.delete(t, name)
	require.Equal(t, []version{
		{Name: name, Version: 1, Size: 10, Hash: hash.Of(first).String()},
		{Name: name, Version: 2, Size: 20, Hash: hash.Of(second).String()},
		{Name: name, Version: 3},
	}, s.versionsOf(t, name))

	s.put(t, name, first)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := s.send(t, method, objectURL(s.api[0], name), nil)
		require.Equal(t, "4", got.header.Get("X-Object-Version"))
		require.Equal(t, `"`+hash.Of(first).String()+`"`, got.header.Get("ETag"))
		require.Equal(t, digest(first), got.header.Get("Digest"))
		require.Equal(t, "10", got.header.Get("Content-Length"))
	}
	everything := s.send(t, http.MethodGet, s.api[0]+"/versions/", nil)
	require.Equal(t, 4, strings.Count(string(everything.body), `{"name":"`+name+`",`))
}

func oldVersions(t *testing.T, s *Store) {
	name, bodies := newName(), [][]byte{newBody(10), newBody(0), newBody(100_000)}
	for i, body := range bodies {
		got := s.send(t, http.MethodPut, objectURL(s.api[0], name), body)
		require.Equal(t, fmt.Sprint(i+1), got.header.Get("X-Object-Version"))
	}
	s.delete(t, name)
	for i, body := range bodies {
		got := s.send(t, http.MethodGet, fmt.Sprintf("%s?version=%d", objectURL(s.api[0], name), i+1), nil)
		require.Equal(t, http.StatusOK, got.status)
		require.True(t, bytes.Equal(body, got.body))
		require.Equal(t, fmt.Sprint(i+1), got.header.Get("X-Object-Version"))
	}
	requireError(t, http.StatusNotFound, s.send(t, http.MethodGet, objectURL(s.api[0], name)+"?version=4", nil))
}

func badVersions(t *testing.T, s *Store) {
	name := newName()
	s.put(t, name, newBody(10))
	for _, number := range []string{"", "0", "-1", "+1", "1.0", "0x1", "one", "9223372036854775808", "99999999999999999999", "1%00", "1%202"} {
		requireError(t, http.StatusBadRequest, s.send(t, http.MethodGet, objectURL(s.api[0], name)+"?version="+number, nil))
	}
	for _, number := range []string{"2", "9223372036854775807"} {
		requireError(t, http.StatusNotFound, s.send(t, http.MethodGet, objectURL(s.api[0], name)+"?version="+number, nil))
	}
}

func deleteObject(t *testing.T, s *Store) {
	name, body := newName(), newBody(10)
	gone := func() {
		t.Helper()
		requireError(t, http.StatusNotFound, s.get(t, name))
		requireError(t, http.StatusNotFound, s.send(t, http.MethodDelete, objectURL(s.api[0], name), nil))
	}
	gone()
	s.put(t, name, body)
	s.delete(t, name)
	gone()
	s.put(t, name, body)
	s.requireObject(t, name, body)
	require.Len(t, s.versionsOf(t, name), 3)
	requireError(t, http.StatusBadRequest, s.send(t, http.MethodDelete, s.api[0]+"/objects/..", nil))
}

// concurrentVersions has writers of one name on every API service. Each gets a version of its own,
// which every API service has at once, and there are no gaps.
func concurrentVersions(t *testing.T, s *Store) {
	const writers, puts = 8, 10
	name := newName()
	errs := make([]error, writers)
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() { errs[w] = s.putAndRead(t.Context(), name, w, puts) })
	}
	writing.Wait()
	require.NoError(t, errors.Join(errs...))
	list := s.versionsOf(t, name)
	require.Len(t, list, writers*puts)
	for i, v := range list {
		require.EqualValues(t, i+1, v.Version)
	}
}

// putAndRead puts through one API service and reads what it put, by its number, through another.
func (s *Store) putAndRead(ctx context.Context, name string, w, puts int) error {
	for range puts {
		body := newBody(100)
		put, err := s.do(ctx, http.MethodPut, objectURL(s.api[w%len(s.api)], name), body)
		if err != nil || put.status != http.StatusOK {
			return fmt.Errorf("PUT: %d %s: %w", put.status, put.body, err)
		}
		other := objectURL(s.api[(w+1)%len(s.api)], name)
		mine, err := s.do(ctx, http.MethodGet, other+"?version="+put.header.Get("X-Object-Version"), nil)
		if err != nil || !bytes.Equal(mine.body, body) {
			return fmt.Errorf("version %s is not what was put: %d %.100s: %w", put.header.Get("X-Object-Version"), mine.status, mine.body, err)
		}
		newest, err := s.do(ctx, http.MethodHead, other, nil)
		if err != nil || newest.status != http.StatusOK || !notBefore(newest, put) {
			return fmt.Errorf("newest after PUT of %s: %d, version %s: %w", put.header.Get("X-Object-Version"), newest.status, newest.header.Get("X-Object-Version"), err)
		}
	}
	return nil
}

// notBefore tells whether one answer's version is as new as another's, or newer.
func notBefore(a, b answer) bool {
	var x, y int64
	_, errX := fmt.Sscan(a.header.Get("X-Object-Version"), &x)
	_, errY := fmt.Sscan(b.header.Get("X-Object-Version"), &y)
	return errX == nil && errY == nil && x >= y
}

// namesAreNoPatterns has names that a search by words or wildcards would take for one another.
func namesAreNoPatterns(t *testing.T, s *Store) {
	unique := newName()
	list := []string{unique, unique + " b", unique + "*", strings.ToLower(unique), unique + "_1", unique + "?", unique + "/b"}
	for _, name := range list {
		s.put(t, name, []byte(name))
	}
	for _, name := range list {
		s.requireObject(t, name, []byte(name))
		require.Len(t, s.versionsOf(t, name), 1, name)
	}
}

func digestIsNeeded(t *testing.T, s *Store) {
	body := newBody(1000)
	right := hash.Of(body).String()
	for _, header := range []http.Header{
		{}, {"Digest": {""}}, {"Digest": {right}}, {"Digest": {"MD5=" + right}}, {"Digest": {"SHA-512=" + right}},
		{"Digest": {"SHA-256=" + right[1:]}}, {"Digest": {"SHA-256=" + right + "AAAA"}}, {"Digest": {"SHA-256=!" + right[1:]}},
		{"Digest": {"SHA-256=" + hash.Of(body).Hex()}}, {"Repr-Digest": {"sha-256=" + right}},
		{"Digest": {"SHA-256=" + right}, "Repr-Digest": {"sha-256=:" + hash.Of(nil).String() + ":"}},
	} {
		name := newName()
		requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), header, body))
		s.requireNothingOf(t, name, body[:beginning])
	}
}

func digestInEitherForm(t *testing.T, s *Store) {
	body := newBody(1000)
	right := hash.Of(body).String()
	for _, header := range []http.Header{
		{"Digest": {"SHA-256=" + right}}, {"Digest": {"sha-256=" + right}}, {"Repr-Digest": {"sha-256=:" + right + ":"}},
		{"Digest": {"MD5=1B2M2Y8AsgTpgAmY7PhCfg==, SHA-256=" + right}},
	} {
		name := newName()
		got := s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), header, body)
		require.Equal(t, http.StatusOK, got.status, "%v: %s", header, got.body)
		s.requireObject(t, name, body)
	}
}

func lengthIsNeeded(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	request, err := http.NewRequest(http.MethodPut, objectURL(s.api[0], name), io.MultiReader(bytes.NewReader(body)))
	require.NoError(t, err)
	request.Header.Set("Digest", digest(body))
	response, err := s.http.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusLengthRequired, response.StatusCode)
	s.requireNothingOf(t, name, body[:beginning])
}

func ownMetadataIsKept(t *testing.T, s *Store) {
	name, body := newName(), newBody(10)
	header := http.Header{"Digest": {digest(body)}, "X-Object-Meta-Color": {"red"}, "X-Object-Meta-A.b": {"ü 对象"}, "X-Other": {"no"}}
	require.Equal(t, http.StatusOK, s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), header, body).status)
	s.put(t, name, body)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := s.send(t, method, objectURL(s.api[0], name)+"?version=1", nil)
		require.Equal(t, "red", got.header.Get("X-Object-Meta-Color"))
		require.Equal(t, "ü 对象", got.header.Get("X-Object-Meta-A.b"))
		require.Empty(t, s.send(t, method, objectURL(s.api[0], name), nil).header.Get("X-Object-Meta-Color"))
	}
	list := s.versionsOf(t, name)
	require.Equal(t, map[string]string{"Color": "red", "A.b": "ü 对象"}, list[0].Meta)
	require.Empty(t, list[1].Meta)
}

func ownMetadataTooLarge(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	header := http.Header{"Digest": {digest(body)}, "X-Object-Meta-A": {strings.Repeat("a", 2047)}}
	require.Equal(t, http.StatusOK, s.sendWith(t, http.MethodPut, objectURL(s.api[0], newName()), header, body).status)
	header.Set("X-Object-Meta-B", "b")
	requireError(t, http.StatusBadRequest, s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), header, body))
	requireError(t, http.StatusNotFound, s.get(t, name))
	got := s.sendWith(t, http.MethodPut, objectURL(s.api[0], name), http.Header{"Digest": {digest(body)}, "X-Object-Meta-A": {"\xff"}}, body)
	requireError(t, http.StatusBadRequest, got)
}

// versionsOverRollover puts while Elasticsearch goes on to a new index, and another.
func versionsOverRollover(t *testing.T, s *Store) {
	name, bodies := newName(), [][]byte{}
	for i := range 30 {
		if i%10 == 5 {
			s.beginIndex(t, i/10+2, i < 10)
		}
		body := newBody(50)
		require.NoError(t, s.tryPut(t.Context(), s.api[i%len(s.api)], name, body))
		bodies = append(bodies, body)
		require.NoError(t, s.tryGet(t.Context(), s.api[(i+1)%len(s.api)], name, body))
	}
	list := s.versionsOf(t, name)
	require.Len(t, list, len(bodies))
	for i, body := range bodies {
		require.Equal(t, hash.Of(body).String(), list[i].Hash)
		got := s.send(t, http.MethodGet, fmt.Sprintf("%s?version=%d", objectURL(s.api[0], name), i+1), nil)
		require.True(t, bytes.Equal(body, got.body), "version %d: %d", i+1, got.status)
	}
}

// beginIndex ends the last index and, unless it should look as if somebody had died there, begins the
// one of that number.
func (s *Store) beginIndex(t *testing.T, number int, diesHalfway bool) {
	t.Helper()
	server, index := s.servers.URLs().Elasticsearch, s.cluster.Index()
	got := s.send(t, http.MethodPut, fmt.Sprintf("%s/%s-%06d/_block/write", server, index, number-1), nil)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	if !diesHalfway {
		got = s.send(t, http.MethodPost, fmt.Sprintf("%s/%s/_rollover/%s-%06d", server, index, index, number), nil)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	}
}

// elasticsearchRestart stops Elasticsearch for a while: what needs it is refused at once and leaves
// nothing, and soon after all is there again.
func elasticsearchRestart(t *testing.T, s *Store) {
	name, body, refused := newName(), newBody(1000), newBody(1000)
	s.put(t, name, body)
	inject(t, s.servers.StopElasticsearch(t.Context()))
	start := time.Now()
	require.Error(t, s.tryPut(t.Context(), s.api[0], newName(), refused))
	require.NoError(t, s.isUnavailable(t, name))
	requireError(t, http.StatusServiceUnavailable, s.send(t, http.MethodGet, s.api[0]+"/versions/", nil))
	require.Less(t, time.Since(start), 5*time.Second, "refused at once")
	s.requireFiles(t, 0, refused[:beginning])
	require.NoError(t, s.servers.StartElasticsearch(t.Context()))
	s.requireWorks(t, name, body)
	require.Len(t, s.versionsOf(t, name), 1)
}

// elasticsearchSilent has an Elasticsearch that takes requests and does not answer.
func elasticsearchSilent(t *testing.T, s *Store) {
	u, err := url.Parse(s.servers.URLs().Elasticsearch)
	require.NoError(t, err)
	gate := newGate(t, u.Host)
	s = s.behind(t, gate)
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	gate.shut()
	start := time.Now()
	require.NoError(t, s.isUnavailable(t, name))
	require.Less(t, time.Since(start), 30*time.Second, "each request within its deadline")
	gate.open()
	s.requireWorks(t, name, body)
}
