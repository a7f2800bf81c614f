package watch

import (
	"slices"
	"strings"
	"time"
)

// window is the time over which counters count.
const window = 10 * time.Second

// traffic counts what clients asked for in the last seconds, and repairs since the page was opened.
type traffic struct {
	requests []line // PUT and GET of objects, answered by API services
	repairs  int
}

// counters are what the page shows of it.
type counters struct {
	Puts    float64 `json:"puts"` // a second
	Gets    float64 `json:"gets"`
	P50     float64 `json:"p50"` // milliseconds
	P99     float64 `json:"p99"`
	Repairs int     `json:"repairs"`
}

func (t *traffic) add(lines []line) {
	for _, l := range lines {
		isClients := !strings.HasPrefix(l.Service, "dataservice") && strings.HasPrefix(l.Path, "/objects/")
		switch {
		case isClients && (l.Method == "PUT" || l.Method == "GET"):
			t.requests = append(t.requests, l)
		case strings.HasPrefix(l.Note, "repaired "):
			t.repairs++
		}
	}
}

func (t *traffic) counters(now time.Time) (c counters) {
	t.requests = slices.DeleteFunc(t.requests, func(l line) bool { return now.Sub(l.Time) > window })
	times := make([]float64, 0, len(t.requests))
	for _, l := range t.requests {
		times = append(times, l.MS)
		if l.Method == "PUT" {
			c.Puts += 1 / window.Seconds()
		} else {
			c.Gets += 1 / window.Seconds()
		}
	}
	slices.Sort(times)
	if n := len(times); n > 0 {
		c.P50, c.P99 = times[n/2], times[n*99/100]
	}
	c.Repairs = t.repairs
	return c
}
