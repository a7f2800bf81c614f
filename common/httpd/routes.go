package httpd

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"gostore/common/requestid"
)

// Routes sends a request to the handler of its path's first segment: "objects" for /objects/NAME.
// http.ServeMux does not fit: it cleans paths, so a name like ".." would get a redirect instead of
// an error.
type Routes map[string]http.Handler

func (routes Routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	handler, ok := routes[first]
	if !ok {
		Errorf(http.StatusNotFound, "there is no /%s here: try /%s", first, strings.Join(sortedKeys(routes), ", /")).write(w)
		return
	}
	answer := record(w)
	answer.handler = first
	handler.ServeHTTP(answer, r)
}

// Methods sends a request to the handler of its method, and HEAD without one to that of GET.
type Methods map[string]Handler

func (methods Methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := methods[r.Method]
	if !ok && r.Method == http.MethodHead {
		handler, ok = methods[http.MethodGet]
	}
	if !ok {
		allowed := methods.allowed()
		w.Header().Set("Allow", allowed)
		Errorf(http.StatusMethodNotAllowed, "%s is not possible here: use %s", r.Method, allowed).write(w)
		return
	}
	handler.ServeHTTP(w, r)
}

func (methods Methods) allowed() string {
	all := maps.Clone(methods)
	if get, ok := all[http.MethodGet]; ok {
		all[http.MethodHead] = get
	}
	return strings.Join(sortedKeys(all), ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// Handler answers a request, or returns an error before it has written anything of a body; see
// Error for the answer to it. An error after the answer has begun cuts the connection, so that a
// client never takes half a body for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

func (handle Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := record(w)
	answer.err = handle(answer, r)
	switch {
	case answer.err == nil:
	case answer.status != 0:
		panic(http.ErrAbortHandler) // net/http's way to cut a connection; it recovers and logs nothing
	default:
		maps.DeleteFunc(answer.Header(), ofBody)
		asError(answer.err).write(answer)
	}
}

// ofBody reports whether a header was meant for another answer than an error.
func ofBody(name string, _ []string) bool { return name != requestid.Header }

// Health answers GET /healthz: 200 while ready returns nil, else 503 with its error.
func Health(ready func() error) http.Handler {
	return Methods{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) error {
		if err := ready(); err != nil {
			return Unavailable("%v", err)
		}
		_, err := w.Write([]byte("ok\n"))
		return err
	}}
}

// isScrape reports whether a request collects metrics, on a server that has any.
func isScrape(r *http.Request) bool { return r.URL.Path == "/metrics" && r.Method == http.MethodGet }

// isHealthCheck reports whether a request is one that Health is there for.
func isHealthCheck(r *http.Request) bool {
	return r.URL.Path == "/healthz" && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}
