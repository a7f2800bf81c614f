package watch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gostore/tests/cluster"
)

// How the used lines of /metrics begin; docs/operations.md explains them.
const (
	requests = `gostore_http_requests_total{handler="objects",method="`
	buckets  = `gostore_http_request_seconds_bucket{handler="objects",method="`
	repaired = `gostore_shards_repaired_total`
)

// totals are what a service has counted since its start, by series as /metrics writes it.
type totals map[string]float64

func scrape(ctx context.Context, client *http.Client, service *cluster.Process) (totals, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+service.Debug+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() // read to its end
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", service.Name, answer.Status)
	}
	return totalsIn(answer.Body)
}

// totalsIn reads the text format of Prometheus.
func totalsIn(text io.Reader) (totals, error) {
	found, lines := totals{}, bufio.NewScanner(text)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, requests) && !strings.HasPrefix(line, buckets) && !strings.HasPrefix(line, repaired) {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return nil, err
		}
		found[line[:space]] = value
	}
	return found, lines.Err()
}

// since returns what was counted after before. A process that has been started again begins at zero.
func (t totals) since(before totals) totals {
	grown := totals{}
	for series, value := range before {
		if t[series] < value {
			return t
		}
	}
	for series, value := range t {
		grown[series] = value - before[series]
	}
	return grown
}

func (t totals) add(more totals) {
	for series, value := range more {
		t[series] += value
	}
}

// of returns the sum of the series that begin like that.
func (t totals) of(prefix string) (sum float64) {
	for series, value := range t {
		if strings.HasPrefix(series, prefix) {
			sum += value
		}
	}
	return sum
}

// histogram has how many requests took no longer than each bound, in seconds; the last bound is infinite.
type histogram map[float64]float64

// times returns how long PUT and GET took.
func (t totals) times() histogram {
	h := histogram{}
	for series, value := range t {
		if !strings.HasPrefix(series, buckets+"PUT") && !strings.HasPrefix(series, buckets+"GET") {
			continue
		}
		_, bound, _ := strings.Cut(series, `le="`)
		if le, err := strconv.ParseFloat(strings.TrimSuffix(bound, `"}`), 64); err == nil {
			h[le] += value
		}
	}
	return h
}

// quantile returns the milliseconds that a share of the requests took at most, as Prometheus estimates it:
// in a bucket they are taken to be spread evenly.
func (h histogram) quantile(share float64) float64 {
	rank, lower, below := share*h[math.Inf(1)], 0.0, 0.0
	if rank == 0 {
		return 0 // there were none
	}
	for _, bound := range slices.Sorted(maps.Keys(h)) {
		count := h[bound]
		if math.IsInf(bound, 1) {
			break // slower than all bounds
		}
		if count > below && count >= rank {
			return 1000 * (lower + (bound-lower)*(rank-below)/(count-below))
		}
		lower, below = bound, count
	}
	return 1000 * lower
}
