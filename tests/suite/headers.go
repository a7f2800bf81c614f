package suite

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// describing are headers of a PUT that come back with the object.
func describing() map[string]string {
	return map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip", "Content-Language": "de, zh",
		"Content-Disposition": `attachment; filename="ü 对象.txt"`, "Cache-Control": "max-age=60", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
	}
}

func (s *Store) putDescribed(t *testing.T, name string, headers map[string]string, body []byte) {
	t.Helper()
	header := http.Header{"Digest": {digest(body)}}
	for key, value := range headers {
		header.Set(key, value)
	}
	got := s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, body)
	require.Equal(t, http.StatusOK, got.Status, "%s", got.Body)
}

// requireDescribed checks the headers of GET and HEAD. Those that want does not have are not sent.
func (s *Store) requireDescribed(t *testing.T, url string, want map[string]string) {
	t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := s.Send(t, method, url, nil)
		require.Equal(t, http.StatusOK, got.Status)
		for name := range describing() {
			require.Equal(t, want[name], got.Header.Get(name), "%s of %s", name, method)
		}
	}
}

// headersAreKept has versions of one object, and another object of equal content: each has its own
// headers.
func headersAreKept(t *testing.T, s *Store) {
	name, other, body := NewName(), NewName(), NewBody(10)
	plain := map[string]string{"Content-Type": "application/octet-stream"}
	some := map[string]string{"Content-Type": "image/png", "Cache-Control": strings.Repeat("x", 512)}
	s.putDescribed(t, name, describing(), body)
	s.putDescribed(t, name, some, body)
	s.delete(t, name)
	s.putDescribed(t, name, nil, body)
	s.putDescribed(t, other, map[string]string{"Content-Type": ""}, body)
	for _, api := range s.API {
		url := ObjectURL(api, name)
		s.requireDescribed(t, url, plain)
		s.requireDescribed(t, url+"?version=1", describing())
		s.requireDescribed(t, url+"?version=2", some)
		s.requireDescribed(t, ObjectURL(api, other), plain)
	}
}

// compressedContent is stored as it was sent. Go's client decompresses it if it asks for gzip by itself.
func compressedContent(t *testing.T, s *Store) {
	var compressed bytes.Buffer
	name, plain := NewName()+".gz", bytes.Repeat([]byte("text"), 100_000)
	w := gzip.NewWriter(&compressed)
	_, err := w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	s.putDescribed(t, name, describing(), compressed.Bytes())
	s.RequireObject(t, name, compressed.Bytes())

	for encoding, want := range map[string][]byte{"": plain, "gzip": compressed.Bytes(), "identity": compressed.Bytes()} {
		_, got := s.accepting(t, http.MethodGet, name, encoding)
		require.True(t, bytes.Equal(want, got), "Accept-Encoding: %q", encoding)
	}
}

// accepting sends a request for an object with the header Accept-Encoding; with "" Go's transport sends one
// of its own.
func (s *Store) accepting(t *testing.T, method, name, encoding string) (*http.Response, []byte) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: s.TLS}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), method, ObjectURL(s.API[0], name), nil)
	require.NoError(t, err)
	if encoding != "" {
		request.Header.Set("Accept-Encoding", encoding)
	}
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, body
}

// badHeaders are refused while the body has not come, those with \x01 and \x7f by net/http itself.
func badHeaders(t *testing.T, s *Store) {
	name := NewName()
	for _, header := range slices.Sorted(maps.Keys(describing())) {
		for _, value := range []string{strings.Repeat("x", 513), "a\tb", "a\x7fb", "a\x01b", "a\xc2\x85b", "a\xff"} {
			got := s.rawRequest(t, fmt.Sprintf("PUT /objects/%s HTTP/1.1\r\nHost: store\r\nContent-Length: 1000000\r\nDigest: %s\r\n%s: %s\r\n\r\n",
				name, digest(NewBody(1)), header, value))
			require.Equal(t, http.StatusBadRequest, got.Status, "%s: %q", header, value)
			require.Regexp(t, "^header "+header+": it |^400 Bad Request$", string(got.Body))
		}
	}
	RequireError(t, http.StatusNotFound, s.Get(t, name))
	header := http.Header{"Digest": {digest(nil)}, "Content-Language": {strings.Repeat("x", 256), strings.Repeat("x", 255)}}
	got := s.SendWith(t, http.MethodPut, ObjectURL(s.API[0], name), header, nil)
	RequireError(t, http.StatusBadRequest, got)
	require.Equal(t, "header Content-Language: it has 513 bytes, at most 512 are stored\n", string(got.Body))
}
