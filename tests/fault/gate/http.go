package gate

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Fault answers a request in a server's place. Status 0 lets the request pass.
type Fault func(r *http.Request, body string) (status int, answer string)

// A Fault returns one of these instead of a status.
const (
	HangUp = -1 // closes the connection
	Late   = -2 // has the server's answer wait for lateness
)

const lateness = 300 * time.Millisecond

// HTTP starts a proxy to a server, until the end of the test. set sets its fault, nil for none; several requests
// may ask it concurrently.
func HTTP(t testing.TB, server string) (address string, set func(Fault)) {
	target, err := url.Parse(server)
	require.NoError(t, err)
	p := &httpProxy{next: httputil.NewSingleHostReverseProxy(target)}
	proxy := httptest.NewServer(p)
	t.Cleanup(func() { proxy.CloseClientConnections(); proxy.Close() })
	return proxy.URL, p.set
}

type httpProxy struct {
	next http.Handler

	mu    sync.Mutex
	fault Fault
}

func (p *httpProxy) set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

func (p *httpProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	fault := p.fault
	p.mu.Unlock()
	status, answer := 0, ""
	if fault != nil {
		body, _ := io.ReadAll(r.Body) // one that breaks off is refused by the server
		r.Body = io.NopCloser(bytes.NewReader(body))
		status, answer = fault(r, string(body))
	}
	switch status {
	case 0:
		p.next.ServeHTTP(w, r)
		return
	case HangUp:
		panic(http.ErrAbortHandler)
	case Late:
		status, answer = p.late(r)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer) // the client may have left
}

func (p *httpProxy) late(r *http.Request) (status int, answer string) {
	answered := httptest.NewRecorder()
	r.Header.Del("Accept-Encoding") // the proxy decompresses
	p.next.ServeHTTP(answered, r)
	select {
	case <-r.Context().Done():
	case <-time.After(lateness):
	}
	return answered.Code, answered.Body.String()
}
