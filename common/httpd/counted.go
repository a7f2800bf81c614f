package httpd

import (
	"cmp"
	"io"
	"net/http"
	"time"

	"gostore/common/metrics"
)

// statusClientLeft is what nginx made the status of a request whose client did not wait.
const statusClientLeft = 499

// counted counts each request, when it has been answered.
func counted(next http.Handler, counts metrics.HTTP) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := record(w)
		start := time.Now()
		counts.InFlight.Inc()
		defer func() { // also when a connection is cut, by a panic
			counts.InFlight.Dec()
			counts.Answered(metrics.Request{
				Handler: cmp.Or(answer.handler, "none"), Method: r.Method, Status: answer.outcome(),
				Received: answer.received.Load(), Sent: answer.bytes, Took: time.Since(start),
			})
		}()
		if r.Body != http.NoBody {
			r.Body = &receivedBody{r.Body, answer}
		}
		next.ServeHTTP(answer, r)
	})
}

// outcome returns the status, but of an answer that broke off 499 if the client left, and else 500.
func (a *recorder) outcome() int {
	switch {
	case a.clientLeft():
		return statusClientLeft
	case a.cut():
		return http.StatusInternalServerError
	}
	return cmp.Or(a.status, http.StatusOK)
}

// receivedBody counts the bytes of a request's body.
type receivedBody struct {
	io.ReadCloser
	answer *recorder
}

func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.answer.received.Add(int64(n))
	return n, err
}
