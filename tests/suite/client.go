package suite

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/common/names"
)

// answer is an HTTP answer that has been read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and reads the answer.
func (s *Store) do(ctx context.Context, method, url string, body []byte) (answer, error) {
	header := http.Header{}
	if method == http.MethodPut {
		header.Set("Digest", digest(body))
	}
	return s.doWith(ctx, method, url, header, body)
}

// doWith is do with headers of the test's own.
func (s *Store) doWith(ctx context.Context, method, url string, header http.Header, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header = header
	response, err := s.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() // read to its end
	read, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, read}, err
}

// digest is what a PUT must announce from chapter 3 on (RFC 3230). Earlier ones do not look at it.
func digest(body []byte) string { return "SHA-256=" + hash.Of(body).String() }

func objectURL(api, name string) string { return api + "/objects/" + names.Segment(name) }

// send is do where a test fails if there is no answer.
func (s *Store) send(t *testing.T, method, url string, body []byte) answer {
	t.Helper()
	got, err := s.do(t.Context(), method, url, body)
	require.NoError(t, err)
	return got
}

// sendWith is doWith where a test fails if there is no answer.
func (s *Store) sendWith(t *testing.T, method, url string, header http.Header, body []byte) answer {
	t.Helper()
	got, err := s.doWith(t.Context(), method, url, header, body)
	require.NoError(t, err)
	return got
}

// tryPut puts an object; any answer but 200 is an error.
func (s *Store) tryPut(ctx context.Context, api, name string, body []byte) error {
	got, err := s.do(ctx, http.MethodPut, objectURL(api, name), body)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("PUT %s: %d %s", name, got.status, got.body)
	}
	return err
}

// tryGet gets an object; anything but 200 and that body is an error.
func (s *Store) tryGet(ctx context.Context, api, name string, want []byte) error {
	got, err := s.do(ctx, http.MethodGet, objectURL(api, name), nil)
	switch {
	case err != nil:
		return err
	case got.status != http.StatusOK:
		return fmt.Errorf("GET %s: %d %s", name, got.status, got.body)
	case !bytes.Equal(got.body, want):
		return fmt.Errorf("GET %s: %d bytes that are not the %d that were put", name, len(got.body), len(want))
	}
	return nil
}

func (s *Store) put(t *testing.T, name string, body []byte) {
	t.Helper()
	require.NoError(t, s.tryPut(t.Context(), s.api[0], name, body))
}

func (s *Store) get(t *testing.T, name string) answer {
	t.Helper()
	return s.send(t, http.MethodGet, objectURL(s.api[0], name), nil)
}

func (s *Store) requireObject(t *testing.T, name string, want []byte) {
	t.Helper()
	require.NoError(t, s.tryGet(t.Context(), s.api[0], name, want))
}

// requireError checks that an answer is that error, in one plain line.
func requireError(t *testing.T, status int, got answer) {
	t.Helper()
	line := string(got.body)
	require.Equal(t, status, got.status, line)
	require.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, 1, strings.Count(line, "\n"), "one line: %q", line)
	require.True(t, strings.HasSuffix(line, "\n") && len(line) > 10, "a line that says what was wrong: %q", line)
	require.LessOrEqual(t, len(line), 400, "a short line")
}

// newName returns a name that nothing has yet, in this run or another.
func newName() string { return "suite-" + rand.Text() }

// newBody returns n bytes that there are nowhere else.
func newBody(n int) []byte {
	body := make([]byte, n)
	_, _ = rand.Read(body) // it never fails; see there
	return body
}

// eventually polls until check returns nil, and fails with its last error after patience.
func eventually(t *testing.T, patience time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		require.True(t, time.Now().Before(deadline), "still not so after %v: %v", patience, err)
		time.Sleep(10 * time.Millisecond) // between two polls
	}
}

// slowPut is a PUT whose body comes when the test says so.
type slowPut struct {
	conn net.Conn
}

// beginPut sends the header of a PUT of body and its first n bytes.
func (s *Store) beginPut(t *testing.T, api, name string, body []byte, n int) *slowPut {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(api, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // a test that is done with it may have closed it already
	p := &slowPut{conn}
	p.write(t, fmt.Appendf(nil, "PUT /objects/%s HTTP/1.1\r\nHost: store\r\nContent-Length: %d\r\nDigest: %s\r\n\r\n",
		names.Segment(name), len(body), digest(body)))
	p.write(t, body[:n])
	return p
}

func (p *slowPut) write(t *testing.T, piece []byte) {
	t.Helper()
	_, err := p.conn.Write(piece)
	require.NoError(t, err)
}

// answer returns what the server said, or what broke the connection.
func (p *slowPut) answer(patience time.Duration) (answer, error) {
	return readAnswer(p.conn, patience)
}

// closeWrite tells the server that no more of the body comes, and can still read its answer.
func (p *slowPut) closeWrite(t *testing.T) {
	t.Helper()
	require.NoError(t, p.conn.(*net.TCPConn).CloseWrite())
}

// rawRequest sends bytes that no HTTP client would and returns the answer to them.
func (s *Store) rawRequest(t *testing.T, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.api[0], "http://"))
	require.NoError(t, err)
	defer conn.Close() // read to the end
	_, err = conn.Write([]byte(request))
	require.NoError(t, err)
	got, err := readAnswer(conn, 10*time.Second)
	require.NoError(t, err)
	return got
}

func readAnswer(conn net.Conn, patience time.Duration) (answer, error) {
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() // read to its end
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, err
}
