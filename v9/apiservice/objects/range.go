package objects

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"gostore/common/httpd"
)

// part is the bytes of an object that a request asks for: those from one position up to another.
type part struct {
	from, to int64
	partial  bool // answered with 206
}

// partOf returns the range that a request asks for (RFC 9110, section 14). Of several ranges, of another
// unit, or if If-Range names another content, it is the whole object, as the RFC allows. (Production
// servers send several ranges as multipart/byteranges.) The error is 416.
func partOf(header http.Header, etag string, size int64) (part, error) {
	whole := part{0, size, false}
	condition := header.Get("If-Range")
	unit, ranges, _ := strings.Cut(header.Get("Range"), "=")
	if condition != "" && condition != etag || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return whole, nil
	}
	first, last, isRange := strings.Cut(strings.TrimSpace(ranges), "-")
	from, fromOK := position(first)
	to, toOK := position(last)
	switch {
	case !isRange || !fromOK && first != "" || !toOK && last != "" || first+last == "" || fromOK && toOK && to < from:
		return whole, nil
	case first == "":
		from, to = size-min(to, size), size // the last bytes
	case last == "":
		to = size
	default:
		to = min(to, size-1) + 1
	}
	if from >= size {
		return part{}, unsatisfiable(size)
	}
	return part{from, to, true}, nil
}

// position reads digits; a number that is too large is beyond the end of any object.
func position(s string) (n int64, ok bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	return math.MaxInt64, true
}

func unsatisfiable(size int64) error {
	err := httpd.Errorf(http.StatusRequestedRangeNotSatisfiable, "the object has %d bytes, and none of them is in the range", size)
	err.Header = http.Header{"Content-Range": {fmt.Sprintf("bytes */%d", size)}}
	return err
}

// describe begins an answer of a part.
func (p part) describe(w http.ResponseWriter, size int64) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", p.from, p.to-1, size))
	w.Header().Set("Content-Length", strconv.FormatInt(p.to-p.from, 10))
	w.WriteHeader(http.StatusPartialContent)
}
