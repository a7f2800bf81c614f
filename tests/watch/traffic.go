package watch

import (
	"context"
	"net/http"
	"sync"
	"time"

	"gostore/tests/cluster"
)

const (
	window        = 10 * time.Second // over which counters count
	scrapeEvery   = time.Second
	scrapeTimeout = scrapeEvery / 2
)

// traffic is what clients ask for, as the API services' metrics count it.
type traffic struct {
	mu   sync.Mutex
	last map[string]totals // that each service has told
	sums []moment          // of the window, oldest first
}

// moment has what all services have counted since the page was opened.
type moment struct {
	at  time.Time
	sum totals
}

// counters are what the page shows of it.
type counters struct {
	Puts    float64 `json:"puts"` // a second
	Gets    float64 `json:"gets"`
	P50     float64 `json:"p50"` // milliseconds
	P99     float64 `json:"p99"`
	Repairs int     `json:"repairs"` // since the page was opened
}

// run reads the metrics of the services again and again until ctx is done.
func (t *traffic) run(ctx context.Context, client *http.Client, services []*cluster.Process) {
	tick := time.NewTicker(scrapeEvery)
	defer tick.Stop()
	for {
		t.add(time.Now(), scrapeAll(ctx, client, services))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// scrapeAll returns the totals of the services that answer, by name.
func scrapeAll(ctx context.Context, client *http.Client, services []*cluster.Process) map[string]totals {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	answers := make([]totals, len(services))
	var asking sync.WaitGroup
	for i, service := range services {
		asking.Go(func() { answers[i], _ = scrape(ctx, client, service) }) // one that is dead has none
	}
	asking.Wait()
	found := map[string]totals{}
	for i, answer := range answers {
		if answer != nil {
			found[services[i].Name] = answer
		}
	}
	return found
}

// add takes what the services have told. A service counts from its first answer on; without a new one, it
// stays as it is.
func (t *traffic) add(now time.Time, answers map[string]totals) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := totals{}
	if n := len(t.sums); n > 0 {
		sum.add(t.sums[n-1].sum)
	}
	if t.last == nil {
		t.last = map[string]totals{}
	}
	for name, answer := range answers {
		if before, known := t.last[name]; known {
			sum.add(answer.since(before))
		}
		t.last[name] = answer
	}
	t.sums = append(t.sums, moment{now, sum})
	for len(t.sums) > 1 && now.Sub(t.sums[1].at) >= window {
		t.sums = t.sums[1:]
	}
}

func (t *traffic) counters() (c counters) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sums) == 0 {
		return c
	}
	first, last := t.sums[0], t.sums[len(t.sums)-1]
	lately, took := last.sum.since(first.sum), max(window, last.at.Sub(first.at)).Seconds()
	c.Puts, c.Gets = lately.of(requests+"PUT")/took, lately.of(requests+"GET")/took
	times := lately.times()
	c.P50, c.P99 = times.quantile(.5), times.quantile(.99)
	c.Repairs = int(last.sum.of(repaired))
	return c
}
