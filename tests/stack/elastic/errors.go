package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// apiError is an answer that says no, in the words of the real server. An operation that returns one
// has changed nothing.
type apiError struct {
	status int
	kind   string         // such as index_not_found_exception
	reason string         // for people
	extra  map[string]any // further members of the error object
	plain  bool           // the error is only a line of text: the real server has such answers too
	phase  bool           // it came up in an index's part of a search, and is wrapped as such
}

func (e *apiError) Error() string { return e.kind + ": " + e.reason }

func badRequest(kind, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: kind, reason: fmt.Sprintf(format, args...)}
}

func illegalArgument(format string, args ...any) *apiError {
	return badRequest("illegal_argument_exception", format, args...)
}

func invalid(format string, args ...any) *apiError {
	return badRequest("action_request_validation_exception", "Validation Failed: 1: "+format+";", args...)
}

// inSearch marks an error as one of those that the real server finds out only in the index.
func inSearch(e *apiError) *apiError {
	e.phase = true
	return e
}

func noSuchIndex(name string) *apiError {
	return &apiError{status: http.StatusNotFound, kind: "index_not_found_exception", reason: "no such index [" + name + "]",
		extra: map[string]any{"resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name}}
}

func alreadyExists(idx *index) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: "resource_already_exists_exception",
		reason: fmt.Sprintf("index [%s/%s] already exists", idx.Name, idx.UUID),
		extra:  map[string]any{"index_uuid": idx.UUID, "index": idx.Name}}
}

func blocked(idx *index) *apiError {
	return &apiError{status: http.StatusForbidden, kind: "cluster_block_exception",
		reason: "index [" + idx.Name + "] blocked by: [FORBIDDEN/8/index write (api)];"}
}

func conflict(idx *index, id, format string, args ...any) *apiError {
	return &apiError{status: http.StatusConflict, kind: "version_conflict_engine_exception",
		reason: "[" + id + "]: version conflict, " + fmt.Sprintf(format, args...),
		extra:  map[string]any{"index_uuid": idx.UUID, "shard": "0", "index": idx.Name}}
}

// object is the error as it stands in an item of a list.
func (e *apiError) object() map[string]any {
	o := map[string]any{"type": e.kind, "reason": e.reason}
	maps.Copy(o, e.extra)
	return o
}

// withRoot is the error as it stands alone.
func (e *apiError) withRoot() map[string]any {
	o := e.object()
	if e.phase {
		o = map[string]any{"type": "search_phase_execution_exception", "reason": "all shards failed", "phase": "query", "grouped": true,
			"failed_shards": []any{map[string]any{"shard": 0, "reason": e.object()}}}
	}
	o["root_cause"] = []any{e.object()}
	return o
}

// toAPI turns what is no answer, a failed disk above all, into one.
func toAPI(err error) *apiError {
	var api *apiError
	if errors.As(err, &api) {
		return api
	}
	return &apiError{status: http.StatusInternalServerError, kind: "exception", reason: err.Error()}
}

func writeError(w http.ResponseWriter, err error) {
	e := toAPI(err)
	body := map[string]any{"error": e.withRoot(), "status": e.status}
	if e.plain {
		body["error"] = e.reason
	}
	writeJSON(w, e.status, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // the client has gone, and nobody is left to tell
}
