package rabbitmq

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/tests/certs"
	"gostore/tests/fault/gate"
)

// output is a log that several goroutines may write.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// TestTLS has a broker whose certificate is for 127.0.0.1. A client of another CA, or that knows it by another name,
// does not connect, and logs why.
func TestTLS(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	ours, others := issue(t, "ours"), issue(t, "others")
	g := gate.NewTLS(t, ours, b.Addr())
	url := "amqps://guest:guest@" + g.Address + "/"
	var log output
	asker := overTLS(t, url, &tls.Config{RootCAs: ours.RootCAs}, &log)
	awaitUp(t, asker, newClient(t, b.URL(), "", echo(t, "a")))
	require.Equal(t, []string{"x from a"}, replies(t, asker, "x", 1))

	for why, secure := range map[string]*tls.Config{
		"certificate signed by unknown authority":   {RootCAs: others.RootCAs},
		"certificate is valid for localhost, not x": {RootCAs: ours.RootCAs, ServerName: "x"},
	} {
		c := overTLS(t, url, secure, &log)
		require.Eventually(t, func() bool { return strings.Contains(log.String(), why) }, timeout, time.Millisecond, why)
		_, err := c.Since()
		require.ErrorIs(t, err, rabbitmq.ErrUnreachable)
	}
	require.NotContains(t, log.String(), "guest:guest")
}

func issue(t *testing.T, name string) *tls.Config {
	config, err := certs.NewConfig(t.TempDir(), name)
	require.NoError(t, err)
	return config
}

func overTLS(t *testing.T, url string, secure *tls.Config, log *output) *rabbitmq.Client {
	c, err := rabbitmq.New(url, "", secure, metrics.New(), slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	return runUntilEnd(t, c)
}
