package httpd

import (
	"log/slog"
	"net/http"
	"time"
)

// admitTimeout is how long a request waits for others to end.
const admitTimeout = 30 * time.Second

// Admit bounds the memory of a server: no more than n requests for or with a body, such as GET and PUT,
// are answered at the same time, whatever the number of clients. The next ones wait, first come first
// served, before a byte of their body is read; those that wait for 30 s get 503. n is such that
// 2,000 clients of any kind take at most 256 MB.
func Admit(n int, next http.Handler, log *slog.Logger) http.Handler {
	log.Info("memory is bounded", "MB", 256, "objects at the same time", n, "others wait", admitTimeout)
	admitted := make(chan struct{}, n) // a channel serves its senders in their order
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodHead, http.MethodDelete, http.MethodOptions:
			next.ServeHTTP(w, r)
			return
		}
		timer := time.NewTimer(admitTimeout)
		defer timer.Stop()
		select {
		case admitted <- struct{}{}:
			defer func() { <-admitted }()
			next.ServeHTTP(w, r)
		case <-r.Context().Done(): // see untilAnswered
			Unavailable("this server stops: try another, or again").write(w)
		case <-timer.C:
			Unavailable("%d requests are in progress, and this one has waited for %v: try again", n, admitTimeout).write(w)
		}
	})
}
