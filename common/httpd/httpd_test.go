package httpd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/common/metrics"
	"gostore/common/names"
)

// timeout bounds every wait for something that should happen immediately.
const timeout = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestErrorIsAnsweredInOneLine(t *testing.T) {
	_, invalid := names.FromPath("/objects/..")
	full := &fs.PathError{Op: "write", Path: "/srv/store/temp/1", Err: syscall.ENOSPC}
	for _, test := range []struct {
		err        error
		status     int
		line       string
		retryAfter string
	}{
		{Errorf(404, "there is no such object"), 404, "there is no such object", ""},
		{fmt.Errorf("somewhere deep: %w", Errorf(411, "tell a length")), 411, "tell a length", ""},
		{fmt.Errorf("%w: %w", Unavailable("service %d is down", 3), errors.New("dial")), 503, "service 3 is down", "1"},
		{invalid, 400, `invalid object name: ".." is not a name`, ""},
		{fmt.Errorf("save x: %w", full), 507, "the disk is full", ""},
		{fmt.Errorf("save x: %w", syscall.EDQUOT), 507, "the disk is full", ""},
		{fmt.Errorf("save x: %w", syscall.EROFS), 507, "the disk is read-only", ""},
		{errors.New("open /srv/store: password is 1234"), 500, "internal error", ""},
		{fmt.Errorf("save: %w", teapot{}), 418, "save: short and stout", ""},
		{Unavailable("%v", errors.Join(errors.New("no broker"), errors.New("no data service"))), 503, "no broker; no data service", "1"},
	} {
		s := start(t, Routes{"objects": Handler(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Length", "1000000") // of the answer that it does not become
			return test.err
		})})
		answer, body := s.do(t, "GET", "/objects/x", nil)
		require.Equal(t, test.status, answer.StatusCode, test.err)
		require.Equal(t, test.line+"\n", body)
		require.Equal(t, test.retryAfter, answer.Header.Get("Retry-After"), test.err)
		require.Equal(t, "text/plain; charset=utf-8", answer.Header.Get("Content-Type"))
		require.Equal(t, test.err.Error(), s.logged(t, "request")["error"], "the log has all of it")
	}
}

// teapot is an error of another package, which carries its status.
type teapot struct{}

func (teapot) Error() string   { return "short and stout" }
func (teapot) HTTPStatus() int { return http.StatusTeapot }

func TestMethods(t *testing.T) {
	s := start(t, Routes{
		"objects": Methods{"PUT": says("put"), "GET": says("get")},
		"other":   Methods{"GET": says("get"), "HEAD": func(http.ResponseWriter, *http.Request) error { return Errorf(404, "not here") }},
		"temp":    Methods{"POST": says("post")},
	})
	for request, want := range map[string]int{
		"PUT /objects/a": 200, "GET /objects/a": 200, "HEAD /objects/a": 200, "DELETE /objects/a": 405,
		"HEAD /other/a": 404, "HEAD /temp/a": 405, "PATCH /temp/a": 405,
	} {
		method, path, _ := strings.Cut(request, " ")
		answer, _ := s.do(t, method, path, nil)
		require.Equal(t, want, answer.StatusCode, request)
	}
	answer, body := s.do(t, "DELETE", "/objects/a", nil)
	require.Equal(t, "GET, HEAD, PUT", answer.Header.Get("Allow"))
	require.Equal(t, "DELETE is not possible here: use GET, HEAD, PUT\n", body)
	answer, _ = s.do(t, "GET", "/temp/a", nil)
	require.Equal(t, "POST", answer.Header.Get("Allow"))
}

func TestRoutesLeavePathsAsTheyAre(t *testing.T) {
	s := start(t, Routes{"objects": Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, r.URL.EscapedPath())
		return err
	})})
	for _, path := range []string{
		"/objects/a%2Fb", "/objects/..", "/objects/%2e%2e/x", "/objects//x", "/objects/a/../b", "/objects/", "/objects", "/objects/%E5%AF%B9",
	} {
		status, body := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.Equal(t, 200, status, path)
		require.Equal(t, path, body)
	}
	status, _ := s.raw(t, "GET /objects/%zz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, 400, status)
}

func TestNoSuchRoute(t *testing.T) {
	s := start(t, Routes{"objects": says("x"), "healthz": says("x")})
	for path, first := range map[string]string{"/": "", "/nothing/x": "nothing", "/objects%2Fx": "objects%2Fx", "/%0A": "%0A"} {
		answer, body := s.do(t, "GET", path, nil)
		require.Equal(t, 404, answer.StatusCode, path)
		require.Equal(t, "there is no /"+first+" here: try /healthz, /objects\n", body)
	}
}

func TestHealth(t *testing.T) {
	var sick error
	s := start(t, Routes{"healthz": Health(func() error { return sick })})
	answer, body := s.do(t, "GET", "/healthz", nil)
	require.Equal(t, 200, answer.StatusCode)
	require.Equal(t, "ok\n", body)
	answer, _ = s.do(t, "HEAD", "/healthz", nil)
	require.Equal(t, 200, answer.StatusCode)
	sick = errors.New("the broker cannot be reached")
	answer, body = s.do(t, "GET", "/healthz", nil)
	require.Equal(t, 503, answer.StatusCode)
	require.Equal(t, "the broker cannot be reached\n", body)
	require.Equal(t, "1", answer.Header.Get("Retry-After"))
}

func TestOneLogLineForEachRequest(t *testing.T) {
	s := start(t, Routes{"objects": Methods{
		"PUT":    func(http.ResponseWriter, *http.Request) error { return nil },
		"GET":    says("12345"),
		"POST":   func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(201); return nil },
		"DELETE": func(http.ResponseWriter, *http.Request) error { return errors.New("the disk broke") },
	}})
	for _, want := range []map[string]any{
		{"level": "INFO", "method": "PUT", "path": "/objects/a%2Fb", "status": 200.0, "bytes": 0.0},
		{"level": "INFO", "method": "GET", "path": "/objects/a", "status": 200.0, "bytes": 5.0},
		{"level": "INFO", "method": "POST", "path": "/objects/", "status": 201.0, "bytes": 0.0},
		{"level": "WARN", "method": "DELETE", "path": "/objects/a", "status": 500.0, "bytes": 15.0, "error": "the disk broke"},
		{"level": "INFO", "method": "GET", "path": "/nothing", "status": 404.0, "bytes": 40.0},
	} {
		s.do(t, want["method"].(string), want["path"].(string), nil)
		got := s.logged(t, "request")
		require.NotEmpty(t, got["from"])
		require.Positive(t, got["took"])
		for _, key := range []string{"time", "msg", "from", "took"} {
			delete(got, key)
		}
		require.Equal(t, want, got)
	}
	s.stopAndWait(t)
	require.Empty(t, s.log, "and nothing else")
}

// A fresh log is not full of health checks.
func TestHealthChecksAreLoggedAtDebugLevel(t *testing.T) {
	sick := func() error { return errors.New("the broker cannot be reached") }
	s := start(t, Routes{"healthz": Health(sick)})
	for _, method := range []string{"GET", "HEAD"} {
		s.do(t, method, "/healthz", nil)
	}
	s.do(t, "GET", "/metrics", nil)
	require.Equal(t, "/metrics", s.logged(t, "request")["path"], "there are none here")
	s.do(t, "GET", "/healthz/x", nil)
	require.Equal(t, "/healthz/x", s.logged(t, "request")["path"])
	s.do(t, "DELETE", "/healthz", nil)
	require.Equal(t, "DELETE", s.logged(t, "request")["method"])
	s.stopAndWait(t)
	require.Empty(t, s.log)
}

func TestClientThatLeaves(t *testing.T) {
	s := start(t, Routes{
		"streams": Handler(func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if _, err := Stream(w).Write(make([]byte, 4<<10)); err != nil {
					return err
				}
			}
		}),
	})
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /streams HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	line := s.logged(t, "client left")
	require.Equal(t, "INFO", line["level"])
	require.Equal(t, "/streams", line["path"])
	require.Equal(t, 200., line["status"])
	require.NotEmpty(t, line["error"])
}

// net/http takes a client that closes its half of the connection for one that left. It still reads.
func TestClientThatClosesItsHalf(t *testing.T) {
	s := start(t, Routes{"waits": Handler(func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.Copy(w, NewBody(w, r)); err != nil {
			return err
		}
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(100 * time.Millisecond): // time enough for net/http to see it
			return says("here")(w, r)
		}
	})})
	for request, want := range map[string]string{
		"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n":                                                     "here",
		"PUT /waits HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody":                            "bodyhere",
		"PUT /waits HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n": "bodyhere",
	} {
		status, body := s.raw(t, request)
		require.Equal(t, 200, status)
		require.Equal(t, want, body)
	}
}

func TestNoPartialPut(t *testing.T) {
	request, err := http.NewRequest("PUT", "/objects/x", nil)
	require.NoError(t, err)
	require.NoError(t, NoPartialPut(request))
	request.Header.Set("Content-Range", "bytes 0-3/10")
	require.Equal(t, 400, asError(NoPartialPut(request)).Status)
}

func TestErrorAfterTheAnswerHasBegunCutsTheConnection(t *testing.T) {
	s := start(t, Routes{"objects": Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "10")
		_, err := io.WriteString(w, "half")
		return errors.Join(err, errors.New("the disk broke"))
	})})
	_, body, err := s.try(t, "GET", "/objects/x", nil)
	require.Error(t, err)
	require.NotContains(t, body, "error", "no second answer in the first")
	line := s.logged(t, "request")
	require.Equal(t, "the disk broke", line["error"])
	require.Equal(t, 4.0, line["bytes"])
}

func TestBodyArrivesWhole(t *testing.T) {
	s := start(t, echo())
	for _, size := range []int{0, 1, 1 << 20} {
		sent := random(size)
		for _, body := range []io.Reader{bytes.NewReader(sent), io.MultiReader(bytes.NewReader(sent))} { // with a length, chunked
			answer, got := s.do(t, "PUT", "/echo", body)
			require.Equal(t, 200, answer.StatusCode)
			require.True(t, bytes.Equal(sent, []byte(got)), size)
		}
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	s := start(t, echo())
	for request, want := range map[string]string{
		"Content-Length: 10\r\n\r\nfour":                        "the body ended after 4 of 10 bytes\n",
		"Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n":       "the body broke off after 4 bytes: unexpected EOF\n",
		"Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nzz\r\n": "the body broke off after 4 bytes: invalid byte in chunk length\n",
	} {
		status, line := s.raw(t, "PUT /echo HTTP/1.1\r\nHost: x\r\n"+request)
		require.Equal(t, 400, status, request)
		require.Equal(t, want, line)
	}
}

func TestSend(t *testing.T) {
	content := random(3*pieceSize + 1)
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, content, 0o644))
	s := start(t, Routes{"file": Handler(func(w http.ResponseWriter, r *http.Request) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close() // opened for reading
		size, err := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Length", r.URL.Query().Get("size"))
		return Send(w, f, size)
	})})
	for _, size := range []int{0, 1, pieceSize, len(content)} {
		answer, got := s.do(t, "GET", "/file?size="+strconv.Itoa(size), nil)
		require.Equal(t, 200, answer.StatusCode)
		require.True(t, bytes.Equal(content[:size], []byte(got)), size)
		require.Equal(t, float64(size), s.logged(t, "request")["bytes"])
	}
	_, _, err := s.try(t, "GET", "/file?size="+strconv.Itoa(len(content)+1), nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the file is too short")
	require.Contains(t, s.logged(t, "request")["error"], "1 of "+strconv.Itoa(len(content)+1)+" bytes left")
}

func TestHeadersAreLimited(t *testing.T) {
	s := start(t, echo())
	status, _ := s.raw(t, "GET /echo HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 2*maxHeader))
	require.Equal(t, 431, status)
}

func TestStopLetsRequestsFinish(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := start(t, Routes{"slow": Handler(func(w http.ResponseWriter, r *http.Request) error {
		close(entered)
		<-leave
		return errors.Join(r.Context().Err(), says("done")(w, r))
	})})
	result := make(chan string, 1)
	go func() {
		_, body, err := s.try(t, "GET", "/slow", nil)
		result <- fmt.Sprint(body, err)
	}()
	<-entered
	s.stop()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			_ = conn.Close() // it was let in
		}
		return err != nil
	}, timeout, time.Millisecond, "no new connections")
	select {
	case err := <-s.ended:
		t.Fatal("ended with a request under way: ", err)
	default:
	}
	close(leave)
	require.Equal(t, "done<nil>", <-result)
	s.stopAndWait(t)
}

func TestAddressInUse(t *testing.T) {
	s := start(t, echo())
	err := Serve(t.Context(), s.address, nil, echo(), metrics.New(), slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, s.address)
}

func TestStopBeforeTheStart(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		require.NoError(t, Serve(ctx, address, nil, echo(), metrics.New(), slog.New(slog.DiscardHandler)), address)
	}
}

func TestListenerThatFails(t *testing.T) {
	before := goleak.IgnoreCurrent()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, serve(t.Context(), listener, echo(), slog.New(slog.DiscardHandler)), net.ErrClosed)
	goleak.VerifyNone(t, before) // immediately, though the context lives on
}

// server is one under test, on a loopback port of its own.
type server struct {
	address string
	log     lines
	stop    context.CancelFunc
	ended   chan error // of Serve
}

// start stops the server at the end of the test, and fails it if it does not stop cleanly.
func start(t *testing.T, handler http.Handler) *server {
	t.Helper()
	return startCounted(t, handler, metrics.New())
}

func startCounted(t *testing.T, handler http.Handler, stats *metrics.Set) *server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &server{log: make(lines, 100), stop: stop, ended: make(chan error, 1)}
	go func() {
		s.ended <- Serve(ctx, "127.0.0.1:0", nil, handler, stats, slog.New(slog.NewJSONHandler(s.log, nil)))
	}()
	t.Cleanup(func() { s.stopAndWait(t) })
	s.address = s.logged(t, "listening")["address"].(string)
	return s
}

func (s *server) stopAndWait(t *testing.T) {
	s.stop()
	select {
	case err, first := <-s.ended:
		if first {
			close(s.ended)
			require.NoError(t, err)
		}
	case <-time.After(timeout):
		t.Error("the server does not stop")
	}
}

// do sends a request and returns the answer and its body.
func (s *server) do(t *testing.T, method, path string, body io.Reader) (*http.Response, string) {
	t.Helper()
	answer, got, err := s.try(t, method, path, body)
	require.NoError(t, err)
	return answer, got
}

func (s *server) try(t *testing.T, method, path string, body io.Reader) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, body)
	if err != nil {
		return nil, "", err
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close() // read to its end
	got, err := io.ReadAll(answer.Body)
	return answer, string(got), err
}

// raw sends bytes that no HTTP client would, says that no more will come, and returns the answer.
func (s *server) raw(t *testing.T, request string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	defer conn.Close() // nothing is asked any more
	require.NoError(t, conn.SetDeadline(time.Now().Add(timeout)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	return readAnswer(t, bufio.NewReader(conn))
}

func readAnswer(t *testing.T, from *bufio.Reader) (status int, body string) {
	t.Helper()
	answer, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	defer answer.Body.Close() // read to its end
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(content)
}

// lines is a log whose lines a test receives. A server that writes more than fit waits.
type lines chan map[string]any

func (l lines) Write(p []byte) (int, error) {
	var line map[string]any
	if err := json.Unmarshal(p, &line); err != nil {
		return 0, err
	}
	l <- line
	return len(p), nil
}

// logged returns the next line, which must be this one.
func (s *server) logged(t *testing.T, message string) map[string]any {
	t.Helper()
	select {
	case line := <-s.log:
		require.Equal(t, message, line["msg"], line)
		return line
	case <-time.After(timeout):
		require.Fail(t, "nothing was logged", message)
		return nil
	}
}

func says(text string) Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// echo answers with what it got, once it has all of it.
func echo() Routes {
	return Routes{"echo": Handler(func(w http.ResponseWriter, r *http.Request) error {
		body := NewBody(w, r)
		content, err := io.ReadAll(body)
		if !errors.Is(body.Err(), err) {
			return fmt.Errorf("Err tells %v of a body that ended with %w", body.Err(), err)
		}
		if err != nil {
			return err
		}
		return Send(w, bytes.NewReader(content), int64(len(content)))
	})}
}

func random(size int) []byte {
	content := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(content) // never fails
	return content
}

// A body that fails before its first byte leaves time for another answer.
func TestSendOfBodyThatFailsImmediately(t *testing.T) {
	s := start(t, Routes{"x": Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "10")
		w.Header().Set("ETag", `"of the object"`)
		return Send(w, iotest.ErrReader(Unavailable("it is corrupt")), 10)
	})})
	response, line := s.do(t, http.MethodGet, "/x", nil)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Equal(t, "it is corrupt\n", line)
	require.Empty(t, response.Header.Get("ETag"))
}
