package objects

import (
	"net/http"
	"strings"

	"gostore/common/httpd"
)

// precondition evaluates If-Match and If-None-Match in the order of RFC 9110, section 13.2.2. The error is
// 412. unchanged reports that the client has the content already.
func precondition(header http.Header, etag string) (unchanged bool, err error) {
	if wanted := header.Values("If-Match"); len(wanted) > 0 && !listed(wanted, etag) {
		return false, httpd.Errorf(http.StatusPreconditionFailed, "the object is another than If-Match names: its ETag is %s", etag)
	}
	// W/ would say that the bytes may differ; for this comparison that makes no difference.
	return listed(header.Values("If-None-Match"), etag, "W/"+etag), nil
}

// listed reports whether lists of entity tags have one of those, or are "*".
func listed(lists []string, etags ...string) bool {
	for tag := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		tag = strings.TrimSpace(tag)
		for _, etag := range etags {
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

// sendUnchanged answers 304, unless there was an error.
func sendUnchanged(w http.ResponseWriter, err error) error {
	if err == nil {
		w.Header().Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
	}
	return err
}
