package httpd

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/requestid"
)

// shown returns the lines of metrics whose name begins so.
func shown(stats *metrics.Set, prefix string) (lines []string) {
	got := httptest.NewRecorder()
	stats.ServeHTTP(got, nil)
	for line := range strings.Lines(got.Body.String()) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestRequestsAreCounted(t *testing.T) {
	stats := metrics.New()
	s := startCounted(t, Routes{
		"objects": Methods{
			"PUT": func(w http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, NewBody(w, r))
				return err
			},
			"GET": says("12345"),
		},
		"cut": Handler(func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write([]byte("half"))
			return errors.Join(err, errors.New("the disk broke"))
		}),
	}, stats)
	s.do(t, "PUT", "/objects/a", bytes.NewReader(make([]byte, 100_000)))
	s.do(t, "PUT", "/objects/b", nil)
	s.do(t, "GET", "/objects/a", nil)
	s.do(t, "BREW", "/objects/a", nil)
	s.do(t, "GET", "/nothing/a", nil)
	_, _, err := s.try(t, "GET", "/cut", nil)
	require.Error(t, err)
	s.stopAndWait(t)
	require.Equal(t, []string{
		`gostore_http_requests_total{handler="cut",method="GET",status="500"} 1`,
		`gostore_http_requests_total{handler="none",method="GET",status="404"} 1`,
		`gostore_http_requests_total{handler="objects",method="GET",status="200"} 1`,
		`gostore_http_requests_total{handler="objects",method="PUT",status="200"} 2`,
		`gostore_http_requests_total{handler="objects",method="other",status="405"} 1`,
	}, shown(stats, "gostore_http_requests_total"))
	require.Contains(t, shown(stats, "gostore_http_received_bytes_total"), `gostore_http_received_bytes_total{handler="objects"} 100000`)
	require.Contains(t, shown(stats, "gostore_http_sent_bytes_total"), `gostore_http_sent_bytes_total{handler="cut"} 4`)
	require.Contains(t, shown(stats, "gostore_http_request_seconds_count"), `gostore_http_request_seconds_count{handler="objects",method="PUT"} 2`)
	require.Equal(t, []string{"gostore_http_in_flight 0"}, shown(stats, "gostore_http_in_flight"))
	require.Equal(t, []string{"# TYPE gostore_http_request_seconds histogram"}, shown(stats, "# TYPE gostore_http_request_seconds"))
}

func TestClientThatLeavesIsCounted(t *testing.T) {
	stats := metrics.New()
	s := startCounted(t, Routes{"streams": Handler(func(w http.ResponseWriter, _ *http.Request) error {
		for {
			if _, err := Stream(w).Write(make([]byte, 4<<10)); err != nil {
				return err
			}
		}
	})}, stats)
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /streams HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return shown(stats, "gostore_http_in_flight")[0] == "gostore_http_in_flight 1" }, timeout, time.Millisecond)
	require.NoError(t, conn.Close())
	s.logged(t, "client left")
	require.Equal(t, []string{`gostore_http_requests_total{handler="streams",method="GET",status="499"} 1`}, shown(stats, "gostore_http_requests_total"))
}

// An answer has the ID of its request, whether it is an error or not, and so has the handler's context.
func TestRequestID(t *testing.T) {
	s := start(t, Routes{"x": Handler(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodDelete {
			return errors.New("the disk broke")
		}
		_, err := io.WriteString(w, requestid.Of(r.Context()))
		return err
	})})
	ask := func(method, path, id string) (answered, body string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, nil)
		require.NoError(t, err)
		request.Header.Set("X-Request-Id", id)
		request.Close = true
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close() // read to its end
		got, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.Header.Get("X-Request-Id"), string(got)
	}
	answered, body := ask("GET", "/x", "my-id.1")
	require.Equal(t, "my-id.1", answered)
	require.Equal(t, "my-id.1", body)
	for _, path := range []string{"/x", "/nothing"} {
		answered, _ = ask("DELETE", path, "my-id.2")
		require.Equal(t, "my-id.2", answered, path)
	}
	for _, bad := range []string{"", "a b", strings.Repeat("x", 65), `a"b`} {
		answered, body = ask("GET", "/x", bad)
		require.Equal(t, answered, body)
		require.NotEqual(t, bad, answered)
		require.Len(t, answered, 26)
	}
}

// BenchmarkRequest is a request without a network, to a handler that does nothing: what the log, then
// metrics, then the ID add to it.
func BenchmarkRequest(b *testing.B) {
	handler := Routes{"objects": Methods{"GET": says("12345")}}
	log := slog.New(requestid.Logged(slog.NewTextHandler(io.Discard, nil)))
	for _, bench := range []struct {
		name    string
		handler http.Handler
	}{
		{"logged", logged(handler, log)},
		{"logged,counted", logged(counted(handler, metrics.New().HTTP()), log)},
		{"logged,counted,identified", identified(logged(counted(handler, metrics.New().HTTP()), log))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/objects/a", nil)
			b.ReportAllocs()
			for b.Loop() {
				bench.handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

// BenchmarkServed is a GET over a loopback connection, as served and without metrics and ID.
func BenchmarkServed(b *testing.B) {
	handler := Routes{"objects": Methods{"GET": says("12345")}}
	log := slog.New(requestid.Logged(slog.NewTextHandler(io.Discard, nil)))
	for _, bench := range []struct {
		name    string
		handler http.Handler
	}{
		{"without", logged(handler, log)},
		{"with", identified(logged(counted(handler, metrics.New().HTTP()), log))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			server := httptest.NewServer(bench.handler)
			defer server.Close()
			for b.Loop() {
				answer, err := server.Client().Get(server.URL + "/objects/a")
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, answer.Body)
				require.NoError(b, err)
				require.NoError(b, answer.Body.Close())
			}
		})
	}
}
