package es

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/es"
	"gostore/tests/certs"
)

// TestTLS has an Elasticsearch that wants a password, over TLS. A client that does not know its CA
// sends none.
func TestTLS(t *testing.T) {
	s := start(t)
	sent := make(chan string, 1000)
	target, err := url.Parse(s.url)
	require.NoError(t, err)
	next := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		sent <- user + ":" + password
		next.ServeHTTP(w, r)
	}))
	proxy.TLS = issue(t, "ours")
	proxy.StartTLS()
	t.Cleanup(func() { proxy.CloseClientConnections(); proxy.Close() })
	address := strings.Replace(proxy.URL, "://", "://me:secret@", 1)

	var log strings.Builder
	for _, secure := range []*tls.Config{nil, {RootCAs: issue(t, "others").RootCAs}} {
		cfg := s.config(address)
		cfg.TLS = secure
		err := s.clientOf(t, cfg, &log).Ready(t.Context())
		require.ErrorIs(t, err, es.ErrUnreachable)
		require.ErrorContains(t, err, "certificate signed by unknown authority")
		require.NotContains(t, err.Error(), "secret")
	}
	require.Empty(t, sent)

	cfg := s.config(address)
	cfg.TLS = &tls.Config{RootCAs: proxy.TLS.RootCAs}
	require.EqualValues(t, 1, add(t, s.clientOf(t, cfg, &log), es.Metadata{Name: "x"}))
	require.Equal(t, "me:secret", <-sent)
	require.NotContains(t, log.String(), "secret")
}

func issue(t *testing.T, name string) *tls.Config {
	config, err := certs.NewConfig(t.TempDir(), name)
	require.NoError(t, err)
	return config
}
