package objects

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"gostore/common/httpd"
)

// maxHeader is how many bytes a header has at most that is stored with an object.
const maxHeader = 512

// describing returns the headers of a PUT that say what its body is and how to treat it. They are
// stored with the version, and each GET and HEAD of it has them again. The values of several
// headers of one name are joined.
func describing(header http.Header) (map[string]string, error) {
	headers := map[string]string{}
	for _, name := range []string{
		"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Cache-Control", "Expires",
	} {
		value := strings.Join(header.Values(name), ", ")
		switch {
		case len(value) > maxHeader:
			return nil, httpd.Errorf(http.StatusBadRequest, "header %s: it has %d bytes, at most %d are stored", name, len(value), maxHeader)
		case !utf8.ValidString(value), strings.ContainsFunc(value, unicode.IsControl):
			return nil, httpd.Errorf(http.StatusBadRequest, "header %s: it must be UTF-8 without control characters", name)
		case value != "":
			headers[name] = value
		}
	}
	return headers, nil
}
