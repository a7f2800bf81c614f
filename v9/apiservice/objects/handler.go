// Package objects serves objects to clients: their names and versions are in the metadata, their
// content is on data services.
//
//	PUT      /objects/NAME               stores the body as the newest version of NAME
//	GET/HEAD /objects/NAME[?version=N]   answers with the newest version, or with version N
//	DELETE   /objects/NAME               adds a version that marks the object as deleted
package objects

import (
	"maps"
	"net/http"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/heartbeat"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/maintenance"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/buffers"
	"gostore/common/httpd"
)

type handler struct {
	locator      *locate.Locator
	dataServices *heartbeat.Monitor
	codec        *erasure.Codec
	repairer     *erasure.Repairer
	versions     *maintenance.Versions
	homes        *placement.Homes
	memory       memory
}

// Handler answers for /objects/NAME. More methods begin uploads that may break off.
func Handler(locator *locate.Locator, dataServices *heartbeat.Monitor, codec *erasure.Codec, repairer *erasure.Repairer, versions *maintenance.Versions, homes *placement.Homes, more httpd.Methods) http.Handler {
	h := &handler{locator: locator, dataServices: dataServices, codec: codec, repairer: repairer, versions: versions, homes: homes}
	h.memory.objects = buffers.New(erasure.MaxSmall)
	methods := httpd.Methods{http.MethodPut: h.put, http.MethodGet: h.get, http.MethodDelete: h.delete}
	maps.Copy(methods, more)
	return methods
}
