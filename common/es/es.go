// Package es stores the metadata of objects in Elasticsearch 7: which versions an object has, and
// the size and hash of each.
//
// It is the only package that imports github.com/olivere/elastic/v7, which is no longer developed.
// Its successor, github.com/elastic/go-elasticsearch, has other calls for the same requests: a move
// to it would change this package, and no other.
//
// # One version, one document
//
// A version is a document of id NAME_VERSION. It is written with op_type=create, so of two writers
// of one version one gets it and the other tries the next. A version is only ever tried when the
// one before it exists, so there are no gaps.
//
// A search does not see the writes of the last second; a read by id does. So the newest version is
// found in two steps: a hint from memory or a search gives a version that exists, and reads by id
// go on from there. See newest.go.
//
// # A series of indices
//
// The documents are in a series of indices, NAME-000001, NAME-000002, …, behind an alias NAME, and
// new ones go to the last of them. When that is too large or too old, the next one begins.
// op_type=create looks into one index only, so series.go makes sure that no version is taken again
// in the next one.
package es

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/olivere/elastic/v7"

	"gostore/common/hash"
	"gostore/common/metrics"
)

// maxHints is how many objects' newest versions are in memory.
const maxHints = 10_000

// Metadata is one version of an object, as its document has it.
type Metadata struct {
	Name    string            `json:"name"`
	Version int64             `json:"version"`           // 1 for the first, without gaps
	Size    int64             `json:"size"`              // bytes
	Hash    string            `json:"hash"`              // base64 of SHA-256; empty if this version deletes the object
	Meta    map[string]string `json:"meta,omitempty"`    // the user's own
	Headers map[string]string `json:"headers,omitempty"` // of the PUT that describe the content, such as Content-Type
	Upload  string            `json:"upload,omitempty"`  // which upload has added the version
}

// Content returns the hash of a version's content. A hash or a size that no content has is an error
// of the document, not of the client that asks for it.
func (m Metadata) Content() (hash.Hash, error) {
	content, err := hash.Parse(m.Hash)
	if err == nil && (m.Size < 0 || (m.Size == 0) != (content == hash.Of(nil))) {
		err = fmt.Errorf("no content of %d bytes has the hash %s", m.Size, m.Hash)
	}
	if err != nil {
		return content, fmt.Errorf("document %q: %v", documentID(m.Name, m.Version), err)
	}
	return content, nil
}

// Config says where metadata is stored.
type Config struct {
	URL   string      // http://host:port, https://user:password@host:port, or host:port
	TLS   *tls.Config // for https; nil trusts the system's CAs
	Index string      // alias of the series of indices
	// MaxAge and MaxSize, in Elasticsearch's units ("30d", "20gb"), limit the last index of the
	// series; see Client.Run.
	MaxAge, MaxSize string
}

// Client stores metadata. Its methods may be called by several goroutines at once. Each returns
// within half a minute, with ErrUnreachable if Elasticsearch does not answer.
type Client struct {
	cfg    Config
	log    *slog.Logger
	http   *http.Client
	es     *elastic.Client
	series *series
	hints  *lru.Cache[string, located] // by name: a version that exists, the newest known here
}

// New returns a client. It does not connect yet. No error or log line has the password of the URL.
func New(cfg Config, stats *metrics.Set, log *slog.Logger) (*Client, error) {
	server, err := serverOf(cfg.URL)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: newTransport(cfg.TLS, stats.Elasticsearch())}
	// Sniffing would use the address that a server has inside Docker, where it cannot be reached.
	options := []elastic.ClientOptionFunc{elastic.SetHttpClient(client), elastic.SetRetrier(resurrect{})}
	if server.User != nil {
		password, _ := server.User.Password()
		options = append(options, elastic.SetBasicAuth(server.User.Username(), password))
		server.User = nil
	}
	es, err := elastic.NewSimpleClient(append(options, elastic.SetURL(server.String()))...)
	if err != nil {
		return nil, fmt.Errorf("Elasticsearch at %s: %w", server, err)
	}
	hints, err := lru.New[string, located](maxHints)
	if err != nil {
		return nil, err
	}
	series := &series{es: es, alias: cfg.Index, log: log, lost: hints.Purge}
	return &Client{cfg: cfg, log: log, http: client, es: es, series: series, hints: hints}, nil
}

func serverOf(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	server, err := url.Parse(address)
	if err != nil || server.Host == "" || server.Fragment != "" {
		return nil, errors.New("Elasticsearch: its address is neither a URL nor host:port") // it may have a password
	}
	return server, nil
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ready returns nil if Elasticsearch answers now.
func (c *Client) Ready(ctx context.Context) error {
	if _, err := c.series.indices(ctx); err != nil {
		return err
	}
	_, err := c.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodHead, Path: "/"})
	return explained("ask Elasticsearch", err)
}

// resurrect retries immediately when the library considers the only server dead because an earlier
// request failed. It retries nothing else: that is for the caller to decide.
type resurrect struct{}

func (resurrect) Retry(_ context.Context, n int, _ *http.Request, _ *http.Response, err error) (time.Duration, bool, error) {
	return 0, elastic.IsConnErr(err) && n <= 3, nil
}
