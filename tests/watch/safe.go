package watch

import (
	"crypto/subtle"
	"net"
	"net/http"
)

// guard refuses requests with another Host than loopback's. Without that, a page of another site
// could read this one, by a name in its own domain that it makes point to 127.0.0.1.
func (p *Page) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
			http.Error(w, "this page is served on loopback only: open the address that startup.sh has printed", http.StatusForbidden)
			return
		}
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// withToken refuses requests without the token. It comes in a header that no page of another origin
// can send: a browser would ask first, and this server never allows it.
func (p *Page) withToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Token")), []byte(p.token)) != 1 {
			http.Error(w, "actions need the token in the address that startup.sh has printed: open that address", http.StatusForbidden)
			return
		}
		r.Header.Del("X-Token") // it is not for the store
		next.ServeHTTP(w, r)
	})
}
