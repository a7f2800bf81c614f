package watch

import (
	"net/http"
	"net/http/httputil"
	"net/url"
)

// store passes /store/SERVICE/objects/NAME and the like on to the API service of that name. The
// page's scripts may send requests to the page only, not to other ports.
func (p *Page) store(w http.ResponseWriter, r *http.Request) {
	process, err := p.process(r.PathValue("service"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	to := &url.URL{Scheme: "http", Host: process.Address}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(to) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, process.Name+": "+err.Error(), http.StatusBadGateway)
		},
	}
	http.StripPrefix("/store/"+process.Name, proxy).ServeHTTP(w, r)
}
