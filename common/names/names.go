// Package names has the rules for names of objects, and their notations in a URL and on disk.
package names

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the longest name, in bytes of UTF-8.
const MaxBytes = 500

// maxFile is the longest path element of the usual file systems, in bytes.
const maxFile = 255

// ErrInvalid is wrapped by every error of this package; the message around it is for the client.
var ErrInvalid error = badRequest("invalid object name")

// badRequest is an error that gostore/common/httpd answers with 400.
type badRequest string

func (e badRequest) Error() string { return string(e) }
func (badRequest) HTTPStatus() int { return http.StatusBadRequest }

// FromPath returns the NAME of an escaped URL path /objects/NAME or the like: one path segment,
// percent-decoded. It takes the escaped path because a name may have slashes, written %2F, which in
// a decoded path look like separators.
func FromPath(escapedPath string) (string, error) {
	_, segment, _ := strings.Cut(strings.TrimPrefix(escapedPath, "/"), "/")
	if strings.Contains(segment, "/") {
		return "", fmt.Errorf("%w: it holds a slash: write it as %%2F", ErrInvalid)
	}
	name, err := url.PathUnescape(segment)
	if err != nil {
		return "", fmt.Errorf("%w: %v: write a percent sign as %%25", ErrInvalid, err)
	}
	return name, Check(name)
}

// Check returns nil if an object may have that name: 1 to MaxBytes bytes of UTF-8 without NUL, and
// neither "." nor "..", which HTTP clients and proxies take for a path.
func Check(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty: name the object in the path", ErrInvalid)
	case name == "." || name == "..":
		return fmt.Errorf("%w: %q is not a name", ErrInvalid, name)
	case len(name) > MaxBytes:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrInvalid, len(name), MaxBytes)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: it is not UTF-8", ErrInvalid)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("%w: it holds a NUL character", ErrInvalid)
	}
	return nil
}

// Segment writes a name as one path segment of a URL; FromPath reads it back.
func Segment(name string) string {
	return url.PathEscape(name)
}

// File writes a name that passes Check as the name of a file. Different names give different files,
// and none leads out of its directory. On a file system that ignores case, names that differ only
// in case share a file: one reason why chapter 3 frees names from files.
func File(name string) (string, error) {
	if err := Check(name); err != nil {
		return "", err
	}
	file := url.PathEscape(name)
	if len(file) > maxFile {
		return "", fmt.Errorf("%w: escaped as a file name it has %d bytes, at most %d are allowed: use a shorter one",
			ErrInvalid, len(file), maxFile)
	}
	return file, nil
}
