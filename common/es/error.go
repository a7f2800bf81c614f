package es

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/olivere/elastic/v7"

	"gostore/common/httpd"
)

// ErrUnreachable is wrapped by the errors of calls that Elasticsearch does not answer, or not in
// time. ErrNotFound is returned if an object, or a version, does not exist. Both are answers for
// the client.
var (
	ErrUnreachable = httpd.Unavailable("the metadata service cannot be reached")
	ErrNotFound    = httpd.Errorf(http.StatusNotFound, "there is no such object, or not in that version")
)

// errPartial is for an answer that may lack versions.
var errPartial = httpd.Unavailable("Elasticsearch has answered for a part of the index only")

// The types of errors of Elasticsearch 7.
const (
	errAliasName = "invalid_alias_name_exception"
	errBlocked   = "cluster_block_exception"
	errConflict  = "version_conflict_engine_exception"
	errExists    = "resource_already_exists_exception"
	errMapping   = "strict_dynamic_mapping_exception"
	errNoIndex   = "index_not_found_exception"
	errState     = "illegal_state_exception"
)

// refusedError is an answer of Elasticsearch other than success, and 503 for the client: none of
// our requests is wrong, so the cause is in Elasticsearch, or in its settings.
type refusedError struct{ answer *elastic.Error }

func (e refusedError) Error() string {
	cause := http.StatusText(e.answer.Status)
	if details := e.answer.Details; details != nil {
		cause = strings.TrimSpace(details.Type + " " + details.Reason)
	}
	return fmt.Sprintf("the metadata service refused a request: %d %s", e.answer.Status, cause)
}

func (e refusedError) Unwrap() []error {
	return []error{httpd.Unavailable("%v", e.Error()), e.answer}
}

// explained says what failed, and distinguishes no answer of Elasticsearch from a refusal.
func explained(what string, err error) error {
	var explained *httpd.Error
	var answer *elastic.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &explained), errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, err)
	case errors.As(err, &answer):
		return fmt.Errorf("%s: %w", what, refusedError{answer})
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnreachable, err)
}

// isError reports whether Elasticsearch answered with an error of that type.
func isError(err error, kind string) bool {
	var answered *elastic.Error
	return errors.As(err, &answered) && answered.Details != nil && answered.Details.Type == kind
}

// isStatus reports whether Elasticsearch answered with an error of that status.
func isStatus(err error, status int) bool {
	var answered *elastic.Error
	return errors.As(err, &answered) && answered.Status == status
}

// isWriteBlocked reports whether an index refused a document because of the block of a rollover.
// There are other blocks, of a full disk or a read-only cluster. The text after the number varies.
func isWriteBlocked(err error) bool {
	var answered *elastic.Error
	return isError(err, errBlocked) && errors.As(err, &answered) &&
		strings.Contains(answered.Details.Reason, "[FORBIDDEN/8/")
}
