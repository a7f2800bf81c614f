// Package names says what an object may be called and how a name is written in a URL and on disk.
package names

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxBytes is how long a name may be, in bytes of UTF-8.
const MaxBytes = 500

// maxFile is what the usual file systems allow one path element, in bytes.
const maxFile = 255

// ErrInvalid is wrapped by every error of this package; the message around it is meant for the client.
var ErrInvalid = errors.New("invalid object name")

// FromPath returns the NAME of an escaped URL path /ROOM/NAME: one path segment, percent-decoded.
// The escaped path is asked for because a name may hold slashes, written %2F, which a decoded path
// cannot tell from separators.
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

// Check returns nil if an object may be called name: 1 to MaxBytes bytes of UTF-8 without NUL, and
// neither "." nor "..", which every HTTP client on the way would take for a path.
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
// and none leads out of its directory. On a file system that ignores case, names that differ in
// nothing else share a file: one reason why chapter 3 frees names from files.
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
