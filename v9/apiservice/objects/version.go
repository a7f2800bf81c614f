package objects

import (
	"net/http"
	"net/url"
	"strconv"

	"gostore/common/httpd"
)

// versionOf returns the number of the version that a request asks for, or 0 for the newest. A query
// that cannot be read is an error, so that no other version is taken for the one that was meant.
func versionOf(r *http.Request) (int64, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return 0, httpd.Errorf(http.StatusBadRequest, "the query of the URL is malformed: %v", err)
	}
	numbers, given := query["version"]
	if !given {
		return 0, nil
	}
	version, err := strconv.ParseUint(numbers[0], 10, 63)
	if len(numbers) > 1 || err != nil || version == 0 {
		return 0, httpd.Errorf(http.StatusBadRequest, "version=%.40q must be one number from 1 to 2^63-1", numbers)
	}
	return int64(version), nil
}

// noVersion refuses a request that would change an old version: versions never change.
func noVersion(r *http.Request) error {
	version, err := versionOf(r)
	if err == nil && version > 0 {
		err = httpd.Errorf(http.StatusBadRequest, "%s takes no version: it adds one", r.Method)
	}
	return err
}
