package elastic

import (
	"errors"
	"fmt"
	"net/http"
)

// apiError is a refusal in the words of the real server. What returns one has changed nothing.
type apiError struct {
	status int
	kind   string // such as index_not_found_exception
	reason string // for people
	index  string // which one it is about; empty if about none
}

func (e *apiError) Error() string { return e.kind + ": " + e.reason }

func badRequest(kind, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, kind, fmt.Sprintf(format, args...), ""}
}

func illegalArgument(format string, args ...any) *apiError {
	return badRequest("illegal_argument_exception", format, args...)
}

// unknown is the answer to what the real server may know.
func unknown(format string, args ...any) *apiError {
	return badRequest("unknown_to_embedded_exception", "the embedded Elasticsearch does not know %s, see STACK=docker", fmt.Sprintf(format, args...))
}

func noSuchIndex(name, because string) *apiError {
	return &apiError{http.StatusNotFound, "index_not_found_exception", "no such index [" + name + "]" + because, name}
}

// object is the error as an item of a list has it.
func (e *apiError) object() object {
	o := object{"type": e.kind, "reason": e.reason}
	if e.index != "" {
		o["index"], o["index_uuid"] = e.index, "_na_"
	}
	return o
}

// withCause is the error as an answer has it.
func (e *apiError) withCause() object {
	o := e.object()
	o["root_cause"] = []any{e.object()}
	return o
}

// refusal returns an error as the answer to it. One that is no refusal is a disk that failed.
func refusal(err error) *apiError {
	var api *apiError
	if errors.As(err, &api) {
		return api
	}
	return &apiError{http.StatusInternalServerError, "exception", err.Error(), ""}
}
