package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAdmit has requests come while one is in progress: they are answered in their order, one at a
// time, unless they have waited for too long. One without a body does not wait.
func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		order := make(chan string, 10)
		slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			order <- r.URL.Path
			time.Sleep(admitTimeout/3 + time.Second)
		})
		handler := Admit(1, slow, slog.New(slog.DiscardHandler))
		answers := make([]*httptest.ResponseRecorder, 5)
		for i := range answers {
			answers[i] = httptest.NewRecorder()
			method := []string{http.MethodPut, http.MethodGet}[i%2]
			go handler.ServeHTTP(answers[i], httptest.NewRequest(method, "/"+strconv.Itoa(i), nil))
			synctest.Wait()
		}
		start := time.Now()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodDelete, "/d", nil))
		require.Equal(t, admitTimeout/3+time.Second, time.Since(start))
		time.Sleep(2 * admitTimeout)
		synctest.Wait()
		for _, path := range []string{"/0", "/d", "/1", "/2"} {
			require.Equal(t, path, <-order)
		}
		require.Empty(t, order)
		for i, answer := range answers {
			if i <= 2 {
				require.Equal(t, http.StatusOK, answer.Code)
				continue
			}
			require.Equal(t, http.StatusServiceUnavailable, answer.Code)
			require.Equal(t, "1", answer.Header().Get("Retry-After"))
		}
	})
}

// TestAdmitWhenTheServerStops has a request wait while the server is told to stop: it gets an answer,
// which is no success.
func TestAdmitWhenTheServerStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	handler := Admit(0, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/", nil).WithContext(ctx))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
}
