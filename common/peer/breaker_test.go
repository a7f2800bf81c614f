package peer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func newTestBreaker() *breaker { return &breaker{services: map[string]*contact{}} }

// TestProbe has a data service stall that is left out until it answers a probe.
func TestProbe(t *testing.T) {
	silent, probed := make(chan struct{}), make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		probed <- struct{}{}
		<-silent
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	c := New(nil)
	require.NoError(t, c.breaker.allow(address))
	c.breaker.stalled(address)
	require.ErrorIs(t, c.breaker.allow(address), ErrStalled)
	require.NoError(t, c.breaker.allow("another"))
	ctx, cancel := context.WithCancel(t.Context())
	var probing sync.WaitGroup
	probing.Go(func() { c.Probe(ctx) })
	<-probed
	require.Error(t, c.breaker.allow(address))
	close(silent)
	require.Eventually(t, func() bool { return c.breaker.allow(address) == nil }, 10*time.Second, probeInterval/10)
	cancel()
	probing.Wait()
}

// TestSlowIsNotHung has one request stall while others are answered.
func TestSlowIsNotHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker()
		b.answered("a")
		time.Sleep(StallTimeout - time.Nanosecond)
		b.stalled("a")
		require.NoError(t, b.allow("a"))
		time.Sleep(time.Nanosecond)
		b.stalled("a")
		require.Error(t, b.allow("a"))
	})
}

// TestOverload has more data services stall than can be left out.
func TestOverload(t *testing.T) {
	b := newTestBreaker()
	b.stalled("a")
	b.stalled("b")
	require.Error(t, b.allow("a"))
	require.Error(t, b.allow("b"))
	b.stalled("c")
	for _, address := range []string{"a", "b", "c"} {
		require.NoError(t, b.allow(address))
	}
}
