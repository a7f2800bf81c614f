// Package objects serves objects to clients by passing them on to and from data services.
//
//	PUT      /objects/NAME   stores the body under NAME and replaces what had the name
//	GET/HEAD /objects/NAME   answers with it
package objects

import (
	"net/http"

	"gostore/chapter2/apiservice/heartbeat"
	"gostore/chapter2/apiservice/locate"
	"gostore/chapter2/apiservice/objectstream"
	"gostore/common/httpd"
	"gostore/common/names"
)

type handler struct {
	locator      *locate.Locator
	dataServices *heartbeat.Monitor
	streams      *objectstream.Client
}

// Handler answers for /objects/NAME.
func Handler(locator *locate.Locator, dataServices *heartbeat.Monitor, streams *objectstream.Client) http.Handler {
	h := &handler{locator, dataServices, streams}
	return httpd.Methods{http.MethodPut: h.put, http.MethodGet: h.get, http.MethodHead: h.head}
}

// nameOf returns the name in a request's path. It refuses one that makes no file name here already,
// before a body is sent on.
func nameOf(r *http.Request) (string, error) {
	name, err := names.FromPath(r.URL.EscapedPath())
	if err == nil {
		_, err = names.File(name)
	}
	return name, err
}
