package requestid

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoodIDIsTaken(t *testing.T) {
	for _, id := range []string{"a", "0aZ-_.9", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", strings.Repeat("x", 64)} {
		require.Equal(t, id, Of(With(t.Context(), id)))
	}
}

func TestBadIDIsReplaced(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []string{"", strings.Repeat("x", 65), "a b", "a\nlevel=ERROR", `"`, "a=b", "é", "a\x00", "/", ":", "@", "[", "`", "{"} {
		got := Of(With(t.Context(), id))
		require.True(t, valid(got), got)
		require.NotEqual(t, id, got)
		require.False(t, seen[got], "a new one each time")
		seen[got] = true
	}
}

func TestForward(t *testing.T) {
	r := httptest.NewRequestWithContext(With(t.Context(), "x1"), http.MethodGet, "/", nil)
	Forward(r)
	require.Equal(t, "x1", r.Header.Get("X-Request-Id"))
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	Forward(r)
	require.Empty(t, r.Header)
}

func TestLogged(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(Logged(slog.NewTextHandler(&out, nil)))
	log.InfoContext(With(t.Context(), "x1"), "one")
	log.With("a", 1).InfoContext(With(t.Context(), "x2"), "two")
	log.WithGroup("g").InfoContext(With(t.Context(), "x3"), "three")
	log.InfoContext(t.Context(), "four")
	lines := strings.Split(out.String(), "\n")
	require.Regexp(t, `msg=one request_id=x1$`, lines[0])
	require.Regexp(t, `msg=two a=1 request_id=x2$`, lines[1])
	require.Regexp(t, `msg=three g.request_id=x3$`, lines[2])
	require.Regexp(t, `msg=four$`, lines[3])
}
