package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"gostore/common/names"
)

// client accesses a store. Its methods may be called by several goroutines concurrently.
type client interface {
	put(ctx context.Context, key string, b body) error
	// get opens an object for reading to its end. The caller closes it.
	get(ctx context.Context, key string) (io.ReadCloser, error)
	close() error
}

// opTimeout bounds one operation.
const opTimeout = time.Minute

// newTransport returns the transport for every store, so that the client's cost is the same.
func newTransport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true, ResponseHeaderTimeout: opTimeout}
}

// storeClient accesses a chapter.
type storeClient struct {
	http *http.Client
	url  string
}

func newStoreClient(url string) *storeClient {
	return &storeClient{&http.Client{Transport: newTransport()}, url}
}

func (c *storeClient) put(ctx context.Context, key string, b body) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, c.object(key), bytes.NewReader(b.bytes))
	if err != nil {
		return err
	}
	request.Header.Set("Digest", "SHA-256="+b.digest.String())
	answer, err := c.do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func (c *storeClient) get(ctx context.Context, key string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.object(key), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.do(request)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

func (c *storeClient) object(key string) string { return c.url + "/objects/" + names.Segment(key) }

// do turns any status but 200 into an error.
func (c *storeClient) do(request *http.Request) (*http.Response, error) {
	answer, err := c.http.Do(request)
	if err != nil || answer.StatusCode == http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close() // the status is the error
	line, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	return nil, fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Path, answer.Status, strings.TrimSpace(string(line)))
}

func (c *storeClient) close() error {
	c.http.CloseIdleConnections()
	return nil
}
