package httpd

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"syscall"
)

// Error is an answer other than success: a status and one line for the client.
type Error struct {
	Status     int
	Message    string      // what was wrong and, where the client can act, what to do
	RetryAfter int         // seconds; 0 sends no Retry-After
	Header     http.Header // more of the answer's header
}

func (e *Error) Error() string { return e.Message }

// Errorf returns an Error with a status and a message.
func Errorf(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

// Unavailable is 503 with Retry-After: the same request may succeed in a moment.
func Unavailable(format string, args ...any) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Message: fmt.Sprintf(format, args...), RetryAfter: 1}
}

// withStatus is an error of another package that carries its status; whatever wraps it, the whole
// message is for the client.
type withStatus interface{ HTTPStatus() int }

// asError finds the answer to an error of a handler. An error that says nothing of an answer
// becomes 500 without details, which are for the log only.
func asError(err error) *Error {
	var e *Error
	var other withStatus
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &other):
		return Errorf(other.HTTPStatus(), "%v", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Errorf(http.StatusInsufficientStorage, "the disk is full")
	case errors.Is(err, syscall.EROFS):
		return Errorf(http.StatusInsufficientStorage, "the disk is read-only")
	}
	return Errorf(http.StatusInternalServerError, "internal error")
}

func (e *Error) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), e.Header)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	http.Error(w, strings.ReplaceAll(e.Message, "\n", "; "), e.Status) // errors.Join makes lines
}
