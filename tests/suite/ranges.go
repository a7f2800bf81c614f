package suite

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// ranges asks for parts of an object in all forms that RFC 9110 has.
func ranges(t *testing.T, s *Store) {
	name, body := NewName(), s.NewBody(1_000_000)
	s.Put(t, name, body)
	for _, c := range []struct {
		asked    string
		status   int
		from, to int
	}{
		{"bytes=0-0", 206, 0, 1},
		{"bytes=-1", 206, 999_999, 1_000_000},
		{"bytes=-2000000", 206, 0, 1_000_000},
		{"bytes=0-9999999", 206, 0, 1_000_000},
		{"bytes=0-99999999999999999999", 206, 0, 1_000_000},
		{"Bytes=5-", 206, 5, 1_000_000},
		{"bytes=5-5", 206, 5, 6},
		{"bytes=1000000-", 416, 0, 0},
		{"bytes=99999999999999999999-", 416, 0, 0},
		{"bytes=-0", 416, 0, 0},
		{"items=0-1", 200, 0, 1_000_000},
		{"bytes=0-1,3-4", 200, 0, 1_000_000},
		{"bytes=5-2", 200, 0, 1_000_000},
		{"bytes=x", 200, 0, 1_000_000},
		{"bytes=-", 200, 0, 1_000_000},
		{"bytes=+1-2", 200, 0, 1_000_000},
		{"bytes=", 200, 0, 1_000_000},
		{"bytes", 200, 0, 1_000_000},
	} {
		t.Run(c.asked, func(t *testing.T) {
			got := s.getRange(t, name, http.Header{"Range": {c.asked}})
			if c.status == http.StatusRequestedRangeNotSatisfiable {
				RequireError(t, c.status, got)
				require.Equal(t, "bytes */1000000", got.Header.Get("Content-Range"))
				return
			}
			require.Equal(t, c.status, got.Status)
			require.True(t, bytes.Equal(body[c.from:c.to], got.Body))
			require.Equal(t, fmt.Sprint(c.to-c.from), got.Header.Get("Content-Length"))
			require.Equal(t, "bytes", got.Header.Get("Accept-Ranges"))
			want := ""
			if c.status == http.StatusPartialContent {
				want = fmt.Sprintf("bytes %d-%d/1000000", c.from, c.to-1)
			}
			require.Equal(t, want, got.Header.Get("Content-Range"))
		})
	}
}

func (s *Store) getRange(t *testing.T, name string, header http.Header) Answer {
	t.Helper()
	return s.sendWith(t, http.MethodGet, name, header)
}

func (s *Store) sendWith(t *testing.T, method, name string, header http.Header) Answer {
	t.Helper()
	got, err := s.DoWith(t.Context(), method, ObjectURL(s.API[0], name), header, nil)
	require.NoError(t, err)
	return got
}

func rangeOfNothing(t *testing.T, s *Store) {
	name := NewName()
	s.Put(t, name, nil)
	for _, asked := range []string{"bytes=0-", "bytes=-1", "bytes=0-0"} {
		got := s.getRange(t, name, http.Header{"Range": {asked}})
		RequireError(t, http.StatusRequestedRangeNotSatisfiable, got)
		require.Equal(t, "bytes */0", got.Header.Get("Content-Range"))
	}
}

// conditions are those of RFC 9110, section 13, by which clients resume downloads and caches save them.
func conditions(t *testing.T, s *Store) {
	name, body := NewName(), s.NewBody(1000)
	s.Put(t, name, body)
	etag := s.Get(t, name).Header.Get("ETag")
	for _, c := range []struct {
		header http.Header
		status int
		size   int
	}{
		{http.Header{"Range": {"bytes=0-9"}, "If-Range": {etag}}, 206, 10},
		{http.Header{"Range": {"bytes=0-9"}, "If-Range": {`"another"`}}, 200, 1000},
		{http.Header{"Range": {"bytes=0-9"}, "If-Range": {"W/" + etag}}, 200, 1000},
		{http.Header{"Range": {"bytes=0-9"}, "If-Range": {"Sat, 29 Oct 2033 19:43:31 GMT"}}, 200, 1000},
		{http.Header{"If-None-Match": {etag}}, 304, 0},
		{http.Header{"If-None-Match": {`"another", W/` + etag}}, 304, 0},
		{http.Header{"If-None-Match": {"*"}, "Range": {"bytes=0-9"}}, 304, 0},
		{http.Header{"If-None-Match": {`"another"`}}, 200, 1000},
		{http.Header{"If-Match": {etag}}, 200, 1000},
		{http.Header{"If-Match": {"*"}}, 200, 1000},
		{http.Header{"If-Match": {`"another", "a third"`}}, 412, -1},
		{http.Header{"If-Match": {"W/" + etag}}, 412, -1},
		{http.Header{"If-Match": {`"another"`}, "If-None-Match": {etag}}, 412, -1},
	} {
		got := s.getRange(t, name, c.header)
		require.Equal(t, c.status, got.Status, c.header)
		if c.size < 0 {
			RequireError(t, c.status, got)
			continue
		}
		require.Len(t, got.Body, c.size, c.header)
		require.Equal(t, etag, got.Header.Get("ETag"), c.header)
		head := s.sendWith(t, http.MethodHead, name, c.header)
		require.Equal(t, map[bool]int{true: 304, false: 200}[c.status == 304], head.Status, c.header)
		require.Empty(t, head.Header.Get("Content-Range"), "HEAD ignores Range")
	}
}

// rangesAroundStripes asks for parts that begin or end at the borders of blocks and stripes, of a healthy
// object, with two shards missing, and of an old version.
func rangesAroundStripes(t *testing.T, s *Store) {
	body := s.NewBody(3*Stripe + 777)
	name, files, _ := s.PutShards(t, body)
	s.Put(t, name, s.NewBody(10))
	borders := []int{0, 1, 131_071, 131_072, 131_073, 524_287, 524_288, 524_289, 2 * Stripe, 3*Stripe - 1, 3 * Stripe, 3*Stripe + 1, len(body) - 1, len(body)}
	for i, from := range borders {
		for _, to := range borders[i+1:] {
			for _, lost := range []int{0, 2} {
				for _, file := range files[:lost] {
					_ = os.Remove(file) // an error would be that it is missing already
				}
				header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", from, to-1)}}
				got, err := s.DoWith(t.Context(), http.MethodGet, ObjectURL(s.API[0], name)+"?version=1", header, nil)
				require.NoError(t, err)
				require.Equal(t, http.StatusPartialContent, got.Status, "%s", got.Header)
				require.True(t, bytes.Equal(body[from:to], got.Body), "%d to %d without %d shards", from, to, lost)
			}
		}
	}
}
