package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"gostore/common/hash"
)

// fakeS3 implements the part of S3 that a run needs. It checks announced digests.
type fakeS3 struct {
	*httptest.Server

	mu       sync.Mutex
	objects  map[string][]byte // by path; a bucket has no bytes
	unsigned int               // PUTs of objects without an announced digest
	puts     int
	broken   bool // answer GETs with wrong bytes
}

func newFakeS3(t *testing.T) *fakeS3 {
	f := &fakeS3{objects: map[string][]byte{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(f.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return f
}

func (f *fakeS3) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err) // net/http logs it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path := strings.TrimSuffix(r.URL.Path, "/")
	object := strings.Count(path, "/") == 2
	switch {
	case r.Method == http.MethodPut && object && !f.acceptable(r, body):
		w.WriteHeader(http.StatusBadRequest)
	case r.Method == http.MethodPut:
		f.objects[path] = body
	case r.Method == http.MethodGet && !object:
		f.list(w, path)
	case r.Method == http.MethodGet:
		f.get(w, path)
	case r.Method == http.MethodPost: // ?delete
		f.remove(w, path, body)
	case r.Method == http.MethodDelete:
		delete(f.objects, path)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *fakeS3) acceptable(r *http.Request, body []byte) bool {
	f.puts++
	announced := r.Header.Get("X-Amz-Content-Sha256")
	if announced == "UNSIGNED-PAYLOAD" {
		f.unsigned++
		return true
	}
	return announced == hash.Of(body).Hex()
}

func (f *fakeS3) get(w http.ResponseWriter, path string) {
	content := f.objects[path]
	if f.broken {
		content = make([]byte, len(content))
	}
	w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	w.Header().Set("ETag", `"0"`)
	_, _ = w.Write(content) // the client notices
}

func (f *fakeS3) list(w http.ResponseWriter, bucket string) {
	printTo(w, "<ListBucketResult>")
	for path := range f.objects {
		if key, found := strings.CutPrefix(path, bucket+"/"); found {
			printTo(w, "<Contents><Key>%s</Key></Contents>", key)
		}
	}
	printTo(w, "</ListBucketResult>")
}

func (f *fakeS3) remove(w http.ResponseWriter, bucket string, body []byte) {
	var asked struct {
		Object []struct{ Key string }
	}
	if err := xml.Unmarshal(body, &asked); err != nil {
		panic(fmt.Errorf("delete: %w", err))
	}
	for _, o := range asked.Object {
		delete(f.objects, bucket+"/"+o.Key)
	}
	printTo(w, "<DeleteResult></DeleteResult>")
}
