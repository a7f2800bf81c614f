package suite

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goodNames stores objects under names that are special in paths, shells or file systems.
func goodNames(t *testing.T, s *Store) {
	unique := NewName()
	for _, name := range []string{
		"%2e%2e", "../../etc/passwd", "/", "//", "a/b/c", "./x", "...", ".hidden", " ", "+", "a+b c", "?", "#", "%", "%25",
		`\`, `C:\x`, `"quoted"`, "对象存储", "é", "e\u0301", "\n", "\x7f", "~", "*", ":", "😀", "objects", "temp", "con",
	} {
		name = unique + name
		body := NewBody(100)
		s.Put(t, name, body)
		s.RequireObject(t, name, body)
	}
	for _, name := range []string{"a+" + unique, "a " + unique, "A " + unique, "a%20" + unique} {
		require.Equal(t, http.StatusNotFound, s.Get(t, name).Status, "%q was never put", name)
	}
}

// badNames requests invalid names, spelled in the ways that clients and attackers use.
func badNames(t *testing.T, s *Store) {
	for _, segment := range []string{
		"", ".", "..", "%2e", "%2e%2e", "%2E.", ".%2e", "%00", "a%00b", "%ff", "%c0%ae%c0%ae", strings.Repeat("a", 501), "a/b", "../a", "a/..",
	} {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			RequireError(t, http.StatusBadRequest, s.Send(t, method, s.API[0]+"/objects/"+segment, []byte("body")))
		}
	}
	for _, segment := range []string{"%", "%z", "%zz", "%2", "a%"} {
		got := s.rawRequest(t, "GET /objects/"+segment+" HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n")
		require.Equal(t, http.StatusBadRequest, got.Status)
		require.NotEmpty(t, got.Body)
	}
}

func longestName(t *testing.T, s *Store) {
	length := 500
	if namedFiles().has(s.chapter) {
		length = 255
	}
	unique := NewName()
	name, body := unique+strings.Repeat("n", length-len(unique)), NewBody(100)
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
}

func nameTooLongForFile(t *testing.T, s *Store) {
	for _, name := range []string{strings.Repeat("n", 256), strings.Repeat("é", 43), strings.Repeat("n", 500)} {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			got := s.Send(t, method, ObjectURL(s.API[0], name), []byte("body"))
			RequireError(t, http.StatusBadRequest, got)
			require.Contains(t, string(got.Body), "255")
		}
	}
}
