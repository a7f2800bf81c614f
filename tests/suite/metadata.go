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
	"gostore/tests/cluster"
	"gostore/tests/fault/gate"
	"gostore/tests/stack"
)

// Version is a line of /versions/.
type Version struct {
	Name    string            `json:"name"`
	Version int64             `json:"version"`
	Size    int64             `json:"size"`
	Hash    string            `json:"hash"`
	Meta    map[string]string `json:"meta"`
}

// Versions lists the versions of an object, oldest first.
func (s *Store) Versions(ctx context.Context, api, name string) (list []Version, err error) {
	got, err := s.Do(ctx, http.MethodGet, api+"/versions/"+names.Segment(name), nil)
	if err != nil {
		return nil, err
	}
	if got.Status != http.StatusOK {
		return nil, fmt.Errorf("versions of %s: %d %s", name, got.Status, got.Body)
	}
	decoder := json.NewDecoder(bytes.NewReader(got.Body))
	for {
		var v Version
		if err := decoder.Decode(&v); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (s *Store) versionsOf(t *testing.T, name string) []Version {
	t.Helper()
	list, err := s.Versions(t.Context(), s.API[0], name)
	require.NoError(t, err)
	return list
}

func (s *Store) delete(t *testing.T, name string) {
	t.Helper()
	got := s.Send(t, http.MethodDelete, ObjectURL(s.API[0], name), nil)
	require.Equal(t, http.StatusNoContent, got.Status, "%s", got.Body)
	require.Empty(t, got.Body)
}

// versions checks the list after PUT and DELETE, and the headers of GET and HEAD.
func versions(t *testing.T, s *Store) {
	name, first, second := NewName(), NewBody(10), NewBody(20)
	RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, s.API[0]+"/versions/"+name, nil))
	s.Put(t, name, first)
	s.Put(t, name, second)
	s.delete(t, name)
	require.Equal(t, []Version{
		{Name: name, Version: 1, Size: 10, Hash: hash.Of(first).String()},
		{Name: name, Version: 2, Size: 20, Hash: hash.Of(second).String()},
		{Name: name, Version: 3},
	}, s.versionsOf(t, name))

	s.Put(t, name, first)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := s.Send(t, method, ObjectURL(s.API[0], name), nil)
		require.Equal(t, "4", got.Header.Get("X-Object-Version"))
		require.Equal(t, `"`+hash.Of(first).String()+`"`, got.Header.Get("ETag"))
		require.Equal(t, digest(first), got.Header.Get("Digest"))
		require.Equal(t, "10", got.Header.Get("Content-Length"))
	}
	everything := s.Send(t, http.MethodGet, s.API[0]+"/versions/", nil)
	require.Equal(t, 4, strings.Count(string(everything.Body), `{"name":"`+name+`",`))
}

func oldVersions(t *testing.T, s *Store) {
	name, bodies := NewName(), [][]byte{NewBody(10), NewBody(0), NewBody(100_000)}
	for i, body := range bodies {
		got := s.Send(t, http.MethodPut, ObjectURL(s.API[0], name), body)
		require.Equal(t, fmt.Sprint(i+1), got.Header.Get("X-Object-Version"))
	}
	s.delete(t, name)
	for i, body := range bodies {
		got := s.Send(t, http.MethodGet, fmt.Sprintf("%s?version=%d", ObjectURL(s.API[0], name), i+1), nil)
		require.Equal(t, http.StatusOK, got.Status)
		require.True(t, bytes.Equal(body, got.Body))
		require.Equal(t, fmt.Sprint(i+1), got.Header.Get("X-Object-Version"))
	}
	RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, ObjectURL(s.API[0], name)+"?version=4", nil))
}

func badVersions(t *testing.T, s *Store) {
	name := NewName()
	s.Put(t, name, NewBody(10))
	for _, number := range []string{"", "0", "-1", "+1", "1.0", "0x1", "one", "9223372036854775808", "99999999999999999999", "1%00", "1%202"} {
		RequireError(t, http.StatusBadRequest, s.Send(t, http.MethodGet, ObjectURL(s.API[0], name)+"?version="+number, nil))
	}
	for _, number := range []string{"2", "9223372036854775807"} {
		RequireError(t, http.StatusNotFound, s.Send(t, http.MethodGet, ObjectURL(s.API[0], name)+"?version="+number, nil))
	}
}

// badQueries has queries that cannot be read, and a version where none may be given: none of them is
// taken for a request that was not made.
func badQueries(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(10)
	s.Put(t, name, body)
	for _, query := range []string{"version=1;x=y", "version=%zz", "version=1%", "version=1&version=1", "version=1&version=2"} {
		RequireError(t, http.StatusBadRequest, s.Send(t, http.MethodGet, ObjectURL(s.API[0], name)+"?"+query, nil))
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		for _, query := range []string{"version=1", "version=", "version=%zz"} {
			RequireError(t, http.StatusBadRequest, s.Send(t, method, ObjectURL(s.API[0], name)+"?"+query, body))
		}
	}
	require.Len(t, s.versionsOf(t, name), 1)
	s.RequireObject(t, name, body)
}

func deleteObject(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(10)
	requireMissing := func() {
		t.Helper()
		RequireError(t, http.StatusNotFound, s.Get(t, name))
		RequireError(t, http.StatusNotFound, s.Send(t, http.MethodDelete, ObjectURL(s.API[0], name), nil))
	}
	requireMissing()
	s.Put(t, name, body)
	s.delete(t, name)
	requireMissing()
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
	require.Len(t, s.versionsOf(t, name), 3)
	RequireError(t, http.StatusBadRequest, s.Send(t, http.MethodDelete, s.API[0]+"/objects/..", nil))
}

// concurrentVersions has writers of one name on every API service. Each gets a version of its own
// that every API service sees immediately, and there are no gaps.
func concurrentVersions(t *testing.T, s *Store) {
	const writers, puts = 8, 10
	name := NewName()
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

// putAndRead puts through one API service and reads each version, by number, through another.
func (s *Store) putAndRead(ctx context.Context, name string, w, puts int) error {
	for range puts {
		body := NewBody(100)
		put, err := s.Do(ctx, http.MethodPut, ObjectURL(s.API[w%len(s.API)], name), body)
		if err != nil || put.Status != http.StatusOK {
			return fmt.Errorf("PUT: %d %s: %w", put.Status, put.Body, err)
		}
		other := ObjectURL(s.API[(w+1)%len(s.API)], name)
		mine, err := s.Do(ctx, http.MethodGet, other+"?version="+put.Header.Get("X-Object-Version"), nil)
		if err != nil || !bytes.Equal(mine.Body, body) {
			return fmt.Errorf("version %s has another body: %d %.100s: %w", put.Header.Get("X-Object-Version"), mine.Status, mine.Body, err)
		}
		newest, err := s.Do(ctx, http.MethodHead, other, nil)
		if err != nil || newest.Status != http.StatusOK || !notBefore(newest, put) {
			return fmt.Errorf("newest after PUT of %s: %d, version %s: %w", put.Header.Get("X-Object-Version"), newest.Status, newest.Header.Get("X-Object-Version"), err)
		}
	}
	return nil
}

// notBefore reports whether the version of answer a is at least that of answer b.
func notBefore(a, b Answer) bool {
	var x, y int64
	_, errX := fmt.Sscan(a.Header.Get("X-Object-Version"), &x)
	_, errY := fmt.Sscan(b.Header.Get("X-Object-Version"), &y)
	return errX == nil && errY == nil && x >= y
}

// namesAreNoPatterns uses names that a full-text or wildcard search would confuse.
func namesAreNoPatterns(t *testing.T, s *Store) {
	unique := NewName()
	list := []string{unique, unique + " b", unique + "*", strings.ToLower(unique), unique + "_1", unique + "?", unique + "/b"}
	for _, name := range list {
		s.Put(t, name, []byte(name))
	}
	for _, name := range list {
		s.RequireObject(t, name, []byte(name))
		require.Len(t, s.versionsOf(t, name), 1, name)
	}
}

func digestIsNeeded(t *testing.T, s *Store) {
	body := NewBody(1000)
	right := hash.Of(body).String()
	for _, header := range []http.Header{
		{}, {"Digest": {""}}, {"Digest": {right}}, {"Digest": {"MD5=" + right}}, {"Digest": {"SHA-512=" + right}},
		{"Digest": {"SHA-256=" + right[1:]}}, {"Digest": {"SHA-256=" + right + "AAAA"}}, {"Digest": {"SHA-256=!" + right[1:]}},
		{"Digest": {"SHA-256=" + hash.Of(body).Hex()}}, {"Repr-Digest": {"sha-256=" + right}},
		{"Digest": {"SHA-256=" + right}, "Repr-Digest": {"sha-256=:" + hash.Of(nil).String() + ":"}},
	} {
		name := NewName()
		RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, body))
		s.requireNothingOf(t, name, body[:prefixLen])
	}
}

func digestInEitherForm(t *testing.T, s *Store) {
	body := NewBody(1000)
	right := hash.Of(body).String()
	for _, header := range []http.Header{
		{"Digest": {"SHA-256=" + right}}, {"Digest": {"sha-256=" + right}}, {"Repr-Digest": {"sha-256=:" + right + ":"}},
		{"Digest": {"MD5=1B2M2Y8AsgTpgAmY7PhCfg==, SHA-256=" + right}},
	} {
		name := NewName()
		got := s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, body)
		require.Equal(t, http.StatusOK, got.Status, "%v: %s", header, got.Body)
		s.RequireObject(t, name, body)
	}
}

func lengthIsNeeded(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	request, err := http.NewRequest(http.MethodPut, ObjectURL(s.API[0], name), io.MultiReader(bytes.NewReader(body)))
	require.NoError(t, err)
	request.Header.Set("Digest", digest(body))
	response, err := s.HTTP.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusLengthRequired, response.StatusCode)
	s.requireNothingOf(t, name, body[:prefixLen])
}

func ownMetadataIsKept(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(10)
	header := http.Header{"Digest": {digest(body)}, "X-Object-Meta-Color": {"red"}, "X-Object-Meta-A.b": {"ü 对象"}, "X-Other": {"no"}}
	require.Equal(t, http.StatusOK, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, body).Status)
	s.Put(t, name, body)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := s.Send(t, method, ObjectURL(s.API[0], name)+"?version=1", nil)
		require.Equal(t, "red", got.Header.Get("X-Object-Meta-Color"))
		require.Equal(t, "ü 对象", got.Header.Get("X-Object-Meta-A.b"))
		require.Empty(t, s.Send(t, method, ObjectURL(s.API[0], name), nil).Header.Get("X-Object-Meta-Color"))
	}
	list := s.versionsOf(t, name)
	require.Equal(t, map[string]string{"Color": "red", "A.b": "ü 对象"}, list[0].Meta)
	require.Empty(t, list[1].Meta)
}

func ownMetadataTooLarge(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	header := http.Header{"Digest": {digest(body)}, "X-Object-Meta-A": {strings.Repeat("a", 2047)}}
	require.Equal(t, http.StatusOK, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], NewName()), header, body).Status)
	header.Set("X-Object-Meta-B", "b")
	RequireError(t, http.StatusBadRequest, s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, body))
	RequireError(t, http.StatusNotFound, s.Get(t, name))
	got := s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), http.Header{"Digest": {digest(body)}, "X-Object-Meta-A": {"\xff"}}, body)
	RequireError(t, http.StatusBadRequest, got)
}

// versionsOverRollover puts while Elasticsearch rolls over to a new index, twice.
func versionsOverRollover(t *testing.T, s *Store) {
	name, bodies := NewName(), [][]byte{}
	for i := range 30 {
		if i%10 == 5 {
			s.beginIndex(t, i/10+2, i < 10)
		}
		body := NewBody(50)
		require.NoError(t, s.TryPut(t.Context(), s.API[i%len(s.API)], name, body))
		bodies = append(bodies, body)
		require.NoError(t, s.TryGet(t.Context(), s.API[(i+1)%len(s.API)], name, body))
	}
	list := s.versionsOf(t, name)
	require.Len(t, list, len(bodies))
	for i, body := range bodies {
		require.Equal(t, hash.Of(body).String(), list[i].Hash)
		got := s.Send(t, http.MethodGet, fmt.Sprintf("%s?version=%d", ObjectURL(s.API[0], name), i+1), nil)
		require.True(t, bytes.Equal(body, got.Body), "version %d: %d", i+1, got.Status)
	}
}

// beginIndex makes the current index read-only and rolls over to the one of that number. With
// diesHalfway it only does the first, like an API service that died in between.
func (s *Store) beginIndex(t *testing.T, number int, diesHalfway bool) {
	t.Helper()
	server, index := s.Servers.URLs().Elasticsearch, s.Cluster.Index()
	got := s.Send(t, http.MethodPut, fmt.Sprintf("%s/%s-%06d/_block/write", server, index, number-1), nil)
	require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
	if !diesHalfway {
		got = s.Send(t, http.MethodPost, fmt.Sprintf("%s/%s/_rollover/%s-%06d", server, index, index, number), nil)
		require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
	}
}

// elasticsearchRestart stops Elasticsearch for a while. Requests that need it fail immediately and
// leave no file; soon after its return they succeed.
func elasticsearchRestart(t *testing.T, s *Store) {
	name, body, refused := NewName(), NewBody(1000), NewBody(1000)
	s.Put(t, name, body)
	Inject(t, s.Servers.StopElasticsearch(t.Context()))
	start := time.Now()
	require.Error(t, s.TryPut(t.Context(), s.API[0], NewName(), refused))
	require.NoError(t, s.CheckUnavailable(t, name))
	RequireError(t, http.StatusServiceUnavailable, s.Send(t, http.MethodGet, s.API[0]+"/versions/", nil))
	require.Less(t, time.Since(start), 5*time.Second, "refused immediately")
	s.RequireFiles(t, 0, refused[:prefixLen])
	require.NoError(t, s.Servers.StartElasticsearch(t.Context()))
	s.RequireWorks(t, name, body)
	require.Len(t, s.versionsOf(t, name), 1)
}

// elasticsearchSilent has an Elasticsearch that accepts requests and does not answer.
func elasticsearchSilent(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	u, err := url.Parse(s.Servers.URLs().Elasticsearch)
	require.NoError(t, err)
	g := gate.New(t, u.Host)
	s = s.Another(t, func(cfg *cluster.Config) { cfg.Servers = gated{s.Servers, g} })
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	g.ShutAfter(0)
	start := time.Now()
	require.NoError(t, s.CheckUnavailable(t, name))
	require.Less(t, time.Since(start), 30*time.Second, "each request within its deadline")
	g.Open()
	s.RequireWorks(t, name, body)
}

// gated are servers whose Elasticsearch is behind a gate.
type gated struct {
	stack.Servers
	gate *gate.Gate
}

func (g gated) URLs() stack.URLs {
	urls := g.Servers.URLs()
	urls.Elasticsearch = "http://" + g.gate.Address
	return urls
}
