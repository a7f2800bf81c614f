// Package metrics counts what a service does, and shows it in the text format of Prometheus. All names
// are here; docs/operations.md explains each.
//
// It is the only package that imports github.com/VictoriaMetrics/metrics. That needs no other module
// but two of histograms, while Prometheus's own client brings a dozen, among them protobuf.
package metrics

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// seconds returns the upper bounds of the buckets of a duration.
func seconds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

// Counter counts what happens, with Inc and Add.
type Counter = metrics.Counter

// Histogram counts durations, with UpdateDuration.
type Histogram = metrics.PrometheusHistogram

// Set has the metrics of one service. A service shows those that its parts have asked for. Its methods may be
// called by several goroutines at once.
type Set struct{ set *metrics.Set }

// New returns a Set without metrics.
func New() *Set {
	metrics.ExposeMetadata(true) // the types of metrics; a switch of the whole library
	return &Set{metrics.NewSet()}
}

// ServeHTTP answers with all metrics.
func (s *Set) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	var text strings.Builder
	s.set.WritePrometheus(&text)
	_, _ = io.WriteString(w, withHelp(text.String())) // if it fails the client has left
}

func (s *Set) counter(name string) *Counter { return s.set.GetOrCreateCounter("gostore_" + name) }

func (s *Set) histogram(name string) *Histogram {
	return s.set.GetOrCreatePrometheusHistogramExt("gostore_"+name, seconds())
}

// gauge shows what f returns at that time, and NaN for an error.
func (s *Set) gauge(name string, f func() (int64, error)) {
	s.set.GetOrCreateGauge("gostore_"+name, func() float64 {
		value, err := f()
		if err != nil {
			return math.NaN()
		}
		return float64(value)
	})
}

// DiskFree shows how much is free on the disk, in bytes.
func (s *Set) DiskFree(free func() (int64, error)) { s.gauge("disk_free_bytes", free) }

// ObjectsKnown shows how many contents or shards a data service holds.
func (s *Set) ObjectsKnown(count func() int) {
	s.gauge("objects_known", func() (int64, error) { return int64(count()), nil })
}

// BrokerReconnects counts connections to the broker after the first.
func (s *Set) BrokerReconnects() *Counter { return s.counter("broker_reconnects_total") }

// Repaired counts shards that were made anew.
func (s *Set) Repaired() *Counter { return s.counter("shards_repaired_total") }

// Locates are the questions of an API service where an object is.
type Locates struct {
	Took    *Histogram
	Missing *Counter // answers that did not come in time
}

// Locates returns the metrics of questions.
func (s *Set) Locates() Locates {
	return Locates{s.histogram("locate_seconds"), s.counter("locate_answers_missing_total")}
}

// Shards are what a data service does with shards, or with whole contents in chapter 4.
type Shards struct {
	Written *Counter // durably
	Read    *Counter // opened for an API service
	Corrupt *Counter // found corrupt, or unreadable, by a check
}

// Shards returns the metrics of shards.
func (s *Set) Shards() Shards {
	return Shards{s.counter("shards_written_total"), s.counter("shards_read_total"), s.counter("shards_corrupt_total")}
}

// Elasticsearch counts requests to it.
type Elasticsearch struct {
	set    *Set
	errors *Counter
}

// Elasticsearch returns the metrics of requests to Elasticsearch.
func (s *Set) Elasticsearch() Elasticsearch {
	return Elasticsearch{s, s.counter("elasticsearch_errors_total")}
}

// Answered counts a request by the status of its answer; 0 for none. 404 and 409 are no errors: a version
// that does not exist yet, and one that another writer has taken.
func (e Elasticsearch) Answered(status int) {
	e.set.counter(`elasticsearch_requests_total{status="` + strconv.Itoa(status) + `"}`).Inc()
	if status == 0 || status >= http.StatusBadRequest && status != http.StatusNotFound && status != http.StatusConflict {
		e.errors.Inc()
	}
}

// HTTP are the requests that a server answers.
type HTTP struct {
	set      *Set
	InFlight *metrics.Gauge
}

// HTTP returns the metrics of a server.
func (s *Set) HTTP() HTTP { return HTTP{s, s.set.GetOrCreateGauge("gostore_http_in_flight", nil)} }

// Request is one that has been answered.
type Request struct {
	Handler        string // its name, one of a few
	Method         string // as the client sent it
	Status         int
	Received, Sent int64 // bytes of bodies
	Took           time.Duration
}

// Answered counts a request.
func (h HTTP) Answered(r Request) {
	handler := `{handler="` + r.Handler + `"`
	method := handler + `,method="` + methodLabel(r.Method) + `"`
	h.set.counter("http_requests_total" + method + `,status="` + strconv.Itoa(r.Status) + `"}`).Inc()
	h.set.histogram("http_request_seconds" + method + "}").Update(r.Took.Seconds())
	h.set.counter("http_received_bytes_total" + handler + "}").AddInt64(r.Received)
	h.set.counter("http_sent_bytes_total" + handler + "}").AddInt64(r.Sent)
}

// methodLabel bounds the number of labels: a client can send any word as its method.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
