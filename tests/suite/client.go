package suite

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/common/names"
)

// Answer is a complete HTTP response.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and reads the whole response. A PUT announces the digest of its body.
func (s *Store) Do(ctx context.Context, method, url string, body []byte) (Answer, error) {
	header := http.Header{}
	if method == http.MethodPut {
		header.Set("Digest", digest(body))
	}
	return s.DoWith(ctx, method, url, header, body)
}

// DoWith is Do with the given headers and no others.
func (s *Store) DoWith(ctx context.Context, method, url string, header http.Header, body []byte) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	request.Header = header
	response, err := s.HTTP.Do(request)
	if err != nil {
		return Answer{}, err
	}
	return read(response)
}

func read(response *http.Response) (Answer, error) {
	defer response.Body.Close() // read to its end
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, body}, err
}

// digest returns the Digest header (RFC 3230) that a PUT needs from chapter 3 on. Earlier chapters
// ignore it.
func digest(body []byte) string { return "SHA-256=" + hash.Of(body).String() }

func ObjectURL(api, name string) string { return api + "/objects/" + names.Segment(name) }

// Send is Do; a request without a response fails the test.
func (s *Store) Send(t *testing.T, method, url string, body []byte) Answer {
	t.Helper()
	got, err := s.Do(t.Context(), method, url, body)
	require.NoError(t, err)
	return got
}

// SendWith is DoWith; a request without a response fails the test.
func (s *Store) SendWith(t *testing.T, method, url string, header http.Header, body []byte) Answer {
	t.Helper()
	got, err := s.DoWith(t.Context(), method, url, header, body)
	require.NoError(t, err)
	return got
}

// TryPut puts an object. Any status but 200 is an error.
func (s *Store) TryPut(ctx context.Context, api, name string, body []byte) error {
	got, err := s.Do(ctx, http.MethodPut, ObjectURL(api, name), body)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("PUT %s: %d %s", name, got.Status, got.Body)
	}
	return err
}

// TryGet gets an object. Any status but 200, and any body but want, is an error.
func (s *Store) TryGet(ctx context.Context, api, name string, want []byte) error {
	got, err := s.Do(ctx, http.MethodGet, ObjectURL(api, name), nil)
	switch {
	case err != nil:
		return err
	case got.Status != http.StatusOK:
		return fmt.Errorf("GET %s: %d %s", name, got.Status, got.Body)
	case !bytes.Equal(got.Body, want):
		return fmt.Errorf("GET %s: %d bytes, different from the %d that were put", name, len(got.Body), len(want))
	}
	return nil
}

// Put puts an object. It tries again where the answer says so: data services may be too slow, or a repair may
// have removed what the PUT relied on.
func (s *Store) Put(t *testing.T, name string, body []byte) {
	t.Helper()
	err := s.TryPut(t.Context(), s.API[0], name, body)
	for range 2 {
		if err != nil && strings.Contains(err.Error(), "try again") {
			err = s.TryPut(t.Context(), s.API[0], name, body)
		}
	}
	require.NoError(t, err)
}

func (s *Store) Get(t *testing.T, name string) Answer {
	t.Helper()
	return s.Send(t, http.MethodGet, ObjectURL(s.API[0], name), nil)
}

func (s *Store) RequireObject(t *testing.T, name string, want []byte) {
	t.Helper()
	require.NoError(t, s.TryGet(t.Context(), s.API[0], name, want))
}

// RequireError checks that an answer has that status and a body of one plain-text line.
func RequireError(t *testing.T, status int, got Answer) {
	t.Helper()
	line := string(got.Body[:min(len(got.Body), 1000)]) // the body may be a whole object
	require.Equal(t, status, got.Status, "%q", line)
	require.Equal(t, "text/plain; charset=utf-8", got.Header.Get("Content-Type"))
	require.Equal(t, 1, strings.Count(line, "\n"), "one line: %q", line)
	require.True(t, strings.HasSuffix(line, "\n") && len(line) > 10, "a line that says what was wrong: %q", line)
	require.LessOrEqual(t, len(line), 400, "a short line")
}

// NewName returns an object name that no other test uses, in this run or another.
func NewName() string { return "suite-" + rand.Text() }

// NewBody returns n random bytes.
func NewBody(n int) []byte {
	body := make([]byte, n)
	_, _ = rand.Read(body) // crypto/rand.Read never fails
	return body
}

// Eventually polls until check returns nil. After the timeout it fails with check's last error.
func Eventually(t *testing.T, timeout time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		err := check()
		if err == nil {
			return
		}
		require.True(t, time.Now().Before(deadline), "after %v: %v", timeout, err)
		time.Sleep(10 * time.Millisecond) // between two polls
	}
}

// SlowPut is a PUT whose body the test sends piece by piece.
type SlowPut struct {
	conn net.Conn
}

// BeginPut sends the header of a PUT of body and its first n bytes.
func (s *Store) BeginPut(t *testing.T, api, name string, body []byte, n int) *SlowPut {
	t.Helper()
	p := &SlowPut{s.dial(t, api)}
	p.Write(t, fmt.Appendf(nil, "PUT /objects/%s HTTP/1.1\r\nHost: store\r\nContent-Length: %d\r\nDigest: %s\r\n\r\n",
		names.Segment(name), len(body), digest(body)))
	p.Write(t, body[:n])
	return p
}

// awaitPuts waits until the first API service takes PUTs of more than a small object, whatever the test before did.
func (s *Store) awaitPuts(t *testing.T) {
	t.Helper()
	Eventually(t, recoveryTimeout, func() error { return s.TryPut(t.Context(), s.API[0], NewName(), NewBody(2<<20)) })
}

// dial opens a connection that is closed at the end of the test.
func (s *Store) dial(t *testing.T, api string) net.Conn {
	t.Helper()
	u, err := url.Parse(api)
	require.NoError(t, err)
	var conn net.Conn
	if s.TLS != nil {
		conn, err = tls.Dial("tcp", u.Host, s.TLS)
	} else {
		conn, err = net.Dial("tcp", u.Host)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it already
	return conn
}

func (p *SlowPut) Write(t *testing.T, piece []byte) {
	t.Helper()
	_, err := p.conn.Write(piece)
	require.NoError(t, err)
}

// Answer returns the server's response, or the error that broke the connection.
func (p *SlowPut) Answer(timeout time.Duration) (Answer, error) {
	return readAnswer(p.conn, timeout)
}

// closeWrite ends the body early, half-closing the connection: the response can still be read.
func (p *SlowPut) closeWrite(t *testing.T) {
	t.Helper()
	closeWrite(t, p.conn)
}

// closeWrite half-closes a connection, TLS or not.
func closeWrite(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
}

// rawRequest sends bytes that an HTTP client would refuse to send, and returns the response.
func (s *Store) rawRequest(t *testing.T, request string) Answer {
	t.Helper()
	conn := s.dial(t, s.API[0])
	_, err := conn.Write([]byte(request))
	require.NoError(t, err)
	got, err := readAnswer(conn, 10*time.Second)
	require.NoError(t, err)
	return got
}

func readAnswer(conn net.Conn, timeout time.Duration) (Answer, error) {
	if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return Answer{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return Answer{}, err
	}
	return read(response)
}
