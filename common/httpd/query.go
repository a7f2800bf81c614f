package httpd

import (
	"net/http"
	"strconv"
)

// Number returns the parameter key of a request's query, which must be a whole number from least to most.
func Number(r *http.Request, key string, least, most int64) (int64, error) {
	text := r.URL.Query().Get(key)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, Errorf(http.StatusBadRequest, "%s=%.40q is not a whole number from %d to %d", key, text, least, most)
	}
	return n, nil
}
