package watch

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
)

// answered counts n requests for an object.
func answered(s *metrics.Set, n int, method string, took time.Duration) {
	for range n {
		s.HTTP().Answered(metrics.Request{Handler: "objects", Method: method, Status: 200, Took: took})
	}
}

func totalsOf(t *testing.T, s *metrics.Set) totals {
	t.Helper()
	text := httptest.NewRecorder()
	s.ServeHTTP(text, nil)
	found, err := totalsIn(text.Body)
	require.NoError(t, err)
	return found
}

// TestTraffic has two services, of which one dies and the other is started again.
func TestTraffic(t *testing.T) {
	var seen traffic
	require.Zero(t, seen.counters())
	a, b, opened := metrics.New(), metrics.New(), time.Now()
	scraped := func(after time.Duration, services map[string]*metrics.Set) counters {
		answers := map[string]totals{}
		for name, s := range services {
			answers[name] = totalsOf(t, s)
		}
		seen.add(opened.Add(after), answers)
		return seen.counters()
	}
	answered(a, 7, "PUT", time.Minute)
	answered(a, 1, "GET", time.Minute)
	b.Repaired().Inc()
	require.Zero(t, scraped(0, map[string]*metrics.Set{"a": a, "b": b}), "before the page was opened")

	answered(a, 3, "PUT", time.Millisecond/2)
	answered(a, 2, "HEAD", time.Minute)
	a.HTTP().Answered(metrics.Request{Handler: "versions", Method: "GET", Status: 200, Took: time.Minute})
	answered(b, 5, "GET", time.Millisecond/2)
	b.Repaired().Add(2)
	got := scraped(time.Second, map[string]*metrics.Set{"a": a, "b": b})
	require.InDelta(t, .3, got.Puts, .001)
	require.InDelta(t, .5, got.Gets, .001)
	require.Equal(t, 2, got.Repairs)

	a = metrics.New()
	answered(a, 4, "GET", time.Millisecond/2)
	got = scraped(2*time.Second, map[string]*metrics.Set{"a": a})
	require.InDelta(t, .3, got.Puts, .001)
	require.InDelta(t, .9, got.Gets, .001)

	got = scraped(time.Second+window, map[string]*metrics.Set{"a": a, "b": b})
	require.Zero(t, got.Puts)
	require.InDelta(t, .4, got.Gets, .001)
	require.Equal(t, counters{Repairs: 2}, scraped(2*time.Second+2*window, nil))
}

func TestQuantiles(t *testing.T) {
	s := metrics.New()
	answered(s, 98, "GET", 2*time.Millisecond)
	answered(s, 2, "PUT", 200*time.Millisecond)
	times := totalsOf(t, s).times()
	require.InDelta(t, 1+1.5*50/98, times.quantile(.5), .001, "between 1 ms and 2.5 ms")
	require.InDelta(t, 100+150*.5, times.quantile(.99), .001, "between 100 ms and 250 ms")
	answered(s, 900, "PUT", time.Hour)
	require.InDelta(t, 60_000, totalsOf(t, s).times().quantile(.5), .001, "more than the last bound")
	require.Zero(t, totals{}.times().quantile(.99))
}

// TestCounters kills chapter 1 between requests.
func TestCounters(t *testing.T) {
	page, c := openPage(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.address()+"events", nil)
	require.NoError(t, err)
	events, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer events.Body.Close() // it was left
	lines := bufio.NewScanner(events.Body)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(method string) {
		request, err := http.NewRequestWithContext(ctx, method, c.API[0].URL()+"/objects/a", strings.NewReader("a"))
		require.NoError(t, err)
		answer, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}
	// The first are perhaps sent before the page has read the metrics for the first time.
	for method, seen := range map[string]func(counters) bool{
		http.MethodPut: func(c counters) bool { return c.Puts > 0 && c.P99 > 0 },
		http.MethodGet: func(c counters) bool { return c.Gets > 0 && c.P50 > 0 },
	} {
		for !seen(nextState(t, lines).Counters) {
			ask(method)
		}
		c.API[0].Kill()
		require.NoError(t, c.API[0].Resume())
		require.NoError(t, c.AwaitHealthy(ctx))
	}
	require.NoError(t, page.Close())
}
