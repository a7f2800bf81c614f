// Package es keeps the metadata of objects in Elasticsearch 7: which versions an object has, and the
// size and hash of each.
//
// It is the only package that imports github.com/olivere/elastic/v7, which is no longer developed.
// Its successor, github.com/elastic/go-elasticsearch, has other calls for the same requests: moving
// to it would change this package and nothing else anywhere.
//
// # One version, one document
//
// A version is a document of id NAME_VERSION. It is written with op_type=create, so of two writers
// of one version one gets it and the other tries the next. A version is only ever tried when the one
// before it exists, so there are no gaps.
//
// A search does not see what was written in the last second; reading a document by its id does. So
// the newest version is looked for from one that is known to exist, out of memory or by a search,
// and from there on by id. See newest.go.
//
// # One index after the other
//
// The documents lie in a series of indices, NAME-000001, NAME-000002, …, behind an alias NAME, and
// are written to the last of them. When that has become too big or old, there is a new one. Since
// op_type=create looks into one index only, care is taken that no version is taken again in the next
// one. See series.go.
package es

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/olivere/elastic/v7"

	"gostore/common/httpd"
	"gostore/common/together"
)

// ErrUnreachable is wrapped by the errors of calls that Elasticsearch does not answer, or not in
// time. ErrNotFound is returned for an object, or a version, that there is not. They are answers for
// the client.
var (
	ErrUnreachable = httpd.Unavailable("the metadata service cannot be reached")
	ErrNotFound    = httpd.Errorf(http.StatusNotFound, "there is no such object, or not in that version")
)

// rememberedMost is how many objects' newest versions are remembered.
const rememberedMost = 10_000

// Metadata is one version of an object, as it stands in Elasticsearch.
type Metadata struct {
	Name    string            `json:"name"`
	Version int64             `json:"version"`        // 1 for the first, without gaps
	Size    int64             `json:"size"`           // bytes
	Hash    string            `json:"hash"`           // base64 of SHA-256; empty if this version deletes the object
	Meta    map[string]string `json:"meta,omitempty"` // the user's own
}

// Config says where metadata is kept.
type Config struct {
	URL   string // http://host:port, or host:port
	Index string // alias of the series of indices
	// MaxAge and MaxSize, in Elasticsearch's units ("30d", "20gb"), are when the last index of the
	// series has grown enough; see Client.Run.
	MaxAge, MaxSize string
}

// Client keeps metadata. Its methods may be called by several goroutines at once, and each answers
// within half a minute, mostly at once, or fails with ErrUnreachable.
type Client struct {
	cfg       Config
	log       *slog.Logger
	http      *http.Client
	es        *elastic.Client
	series    series
	newest    *lru.Cache[string, place] // by name: a version that exists, the newest that we know of
	greetings *together.Together[struct{}]
	lookups   *together.Together[*lookup]
	creations *together.Together[*creation]
}

// New returns a client. It does not connect yet.
func New(cfg Config, log *slog.Logger) (*Client, error) {
	if !strings.Contains(cfg.URL, "://") {
		cfg.URL = "http://" + cfg.URL
	}
	client := &http.Client{Transport: newTransport()}
	// Sniffing would take the addresses that a server has behind Docker, where it cannot be reached.
	es, err := elastic.NewSimpleClient(elastic.SetURL(cfg.URL), elastic.SetHttpClient(client), elastic.SetRetrier(resurrect{}))
	if err != nil {
		return nil, fmt.Errorf("Elasticsearch at %s: %w", cfg.URL, err)
	}
	newest, err := lru.New[string, place](rememberedMost)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, log: log, http: client, es: es, newest: newest}
	c.greetings, c.lookups, c.creations = together.New(c.greet), together.New(c.getAll), together.New(c.createAll)
	return c, nil
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ready returns nil if Elasticsearch answers now.
func (c *Client) Ready(ctx context.Context) error {
	if _, err := c.series.indices(ctx, c); err != nil {
		return err
	}
	return explained("ask Elasticsearch", c.greetings.Do(ctx, struct{}{}))
}

func (c *Client) greet(ctx context.Context, _ []struct{}) error {
	_, err := c.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodHead, Path: "/"})
	return err
}

// resurrect tries again at once when the library takes the one server that there is for dead because
// an earlier request failed. It tries nothing else again: who asked decides.
type resurrect struct{}

func (resurrect) Retry(_ context.Context, n int, _ *http.Request, _ *http.Response, err error) (time.Duration, bool, error) {
	return 0, elastic.IsConnErr(err) && n <= 3, nil
}

// explained says what was tried, and tells Elasticsearch not answering from its answering no.
func explained(what string, err error) error {
	var answered *elastic.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answered) && answered.Status < http.StatusInternalServerError && answered.Status != http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w", what, err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnreachable, err)
}

// isError tells whether Elasticsearch answered with an error of that type.
func isError(err error, kind string) bool {
	var answered *elastic.Error
	return errors.As(err, &answered) && answered.Details != nil && answered.Details.Type == kind
}

// isStatus tells whether Elasticsearch answered with an error of that status.
func isStatus(err error, status int) bool {
	var answered *elastic.Error
	return errors.As(err, &answered) && answered.Status == status
}
