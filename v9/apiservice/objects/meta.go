package objects

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"gostore/common/httpd"
)

// MetaPrefix begins the headers of a user's own metadata, in the form that net/http gives to header
// names: upper and lower case are not preserved.
const MetaPrefix = "X-Object-Meta-"

// maxMeta is how much of it an object may have: bytes of names (without the prefix) and values.
const maxMeta = 2 << 10

// userMeta returns the user's own metadata by header name without MetaPrefix. The values of several
// headers of one name are joined (RFC 9110, section 5.3).
func userMeta(header http.Header) (map[string]string, error) {
	var meta map[string]string
	size := 0
	for name, values := range header {
		key, ours := strings.CutPrefix(name, MetaPrefix)
		if !ours {
			continue
		}
		value := strings.Join(values, ", ")
		if key == "" || !utf8.ValidString(value) {
			return nil, httpd.Errorf(http.StatusBadRequest, "header %s: it must have a name after the prefix and a value in UTF-8", name)
		}
		if meta == nil {
			meta = map[string]string{}
		}
		meta[key] = value
		size += len(key) + len(value)
	}
	if size > maxMeta {
		return nil, httpd.Errorf(http.StatusBadRequest, "the headers %s* have %d bytes, at most %d are allowed", MetaPrefix, size, maxMeta)
	}
	return meta, nil
}
