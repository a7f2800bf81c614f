package objectstream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func newTestBreaker() *breaker { return &breaker{services: map[string]*contact{}} }

func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker()
		require.NoError(t, b.allow("a"))
		b.stalled("a")
		require.ErrorIs(t, b.allow("a"), ErrStalled)
		require.NoError(t, b.allow("b"))
		time.Sleep(Pause + time.Nanosecond)
		require.NoError(t, b.allow("a"), "the probe")
		require.Error(t, b.allow("a"))
		b.stalled("a")
		time.Sleep(Pause)
		require.Error(t, b.allow("a"))
		time.Sleep(time.Nanosecond)
		require.NoError(t, b.allow("a"), "another probe")
		b.answered("a")
		require.NoError(t, b.allow("a"))
		require.NoError(t, b.allow("a"))
	})
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
