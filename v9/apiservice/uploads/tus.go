package uploads

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"gostore/chapter9/apiservice/objects"
	"gostore/common/httpd"
)

const version = "1.0.0"

// errInUse is wrapped by the error for an upload that another request uses.
var errInUse error = &httpd.Error{Status: http.StatusLocked, Message: "another request uses the upload: try again", RetryAfter: 1}

func errUnknown() error {
	return httpd.Errorf(http.StatusNotFound, "there is no such upload: it may have expired, or was ended")
}

// options answers OPTIONS, which needs no Tus-Resumable.
func options(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Tus-Resumable", version)
	w.Header().Set("Tus-Version", version)
	w.Header().Set("Tus-Extension", "creation,creation-with-upload,expiration,termination")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// tus has what all other requests have in common: both sides name the version of the protocol.
func tus(handle httpd.Handler) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Tus-Resumable", version)
		if r.Header.Get("Tus-Resumable") != version {
			err := httpd.Errorf(http.StatusPreconditionFailed, "send Tus-Resumable: %s (tus is the protocol of resumable uploads)", version)
			err.Header = http.Header{"Tus-Resumable": {version}, "Tus-Version": {version}}
			return err
		}
		return explained(r.Method, handle(w, r))
	}
}

// explained names the version in the answer to an error too. To HEAD it answers 423 instead of 503, after
// which tus-js-client would begin a new upload.
func explained(method string, err error) error {
	var e *httpd.Error
	if !errors.As(err, &e) {
		return err
	}
	answer := *e
	answer.Header = http.Header{"Tus-Resumable": {version}}
	for key, values := range e.Header {
		answer.Header[key] = values
	}
	if method == http.MethodHead && e.Status == http.StatusServiceUnavailable {
		answer.Status = http.StatusLocked
	}
	return errors.Join(&answer, err)
}

// announced returns the state of an upload that begins. What a PUT says with headers of HTTP, a tus client
// says with Upload-Length and Upload-Metadata; the digest is a header here too.
func announced(r *http.Request) (first state, err error) {
	for _, header := range []string{"Upload-Defer-Length", "Upload-Concat"} {
		if r.Header.Get(header) != "" {
			return first, httpd.Errorf(http.StatusBadRequest, "%s is of an extension of tus that is not supported here", header)
		}
	}
	size, err := strconv.ParseUint(r.Header.Get("Upload-Length"), 10, 63)
	if err != nil {
		return first, httpd.Errorf(http.StatusBadRequest, "header Upload-Length: %.40q is not a number of bytes", r.Header.Get("Upload-Length"))
	}
	put := r.Clone(r.Context())
	put.ContentLength = int64(size)
	put.Header.Del("Content-Type") // of the body, which is not the object
	first.UploadMetadata = r.Header.Get("Upload-Metadata")
	if err := setMetadata(put.Header, first.UploadMetadata); err != nil {
		return first, err
	}
	first.Metadata, _, err = objects.Announced(put)
	return first, err
}

// isNoToken reports whether no name of a header has a character (RFC 9110, section 5.6.2).
func isNoToken(c rune) bool {
	return c > '~' || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// setMetadata makes headers of a PUT of an upload's metadata: pairs of a key and, in base64, a value. The
// file's type is the object's; everything else is the user's own.
func setMetadata(header http.Header, metadata string) error {
	for pair := range strings.SplitSeq(metadata, ",") {
		key, encoded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || strings.ContainsFunc(key, isNoToken) || strings.ContainsFunc(string(value), unicode.IsControl) {
			return httpd.Errorf(http.StatusBadRequest, "header Upload-Metadata: %.100q is not a key, a space and base64", pair)
		}
		switch key {
		case "":
		case "filetype", "contentType":
			header.Set("Content-Type", string(value))
		default:
			header.Set(objects.MetaPrefix+key, string(value))
		}
	}
	return nil
}
