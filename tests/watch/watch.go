// Package watch serves a page on which one watches a running chapter: its services, objects, shards,
// requests and messages. With the token in the printed address the page also kills, freezes and
// starts services, and damages shards.
//
// All that it knows comes from outside the chapter: the API that clients use, the metrics, the
// STORE_ROOTs, the processes and their logs, and the broker, to which it listens. It looks at these
// only while a browser has the page open.
package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// closeTimeout is how long an action that is under way may take when the page is closed.
const closeTimeout = 20 * time.Second

// Config says what to watch.
type Config struct {
	Chapter string // directory of the chapter's module
	Logs    string // directory of the services' logs, NAME.log
	Port    int    // of the page, on loopback
	Cluster *cluster.Cluster
	Servers stack.Servers // nil for a chapter that needs none
	// Started is called with each process that the page has started again.
	Started func(*cluster.Process)
}

// features are what a chapter has, by its directories and files.
type features struct {
	Broker   bool `json:"broker"`   // API services and data services, with a broker between them
	Versions bool `json:"versions"` // names with versions in Elasticsearch, content under its hash
	Temp     bool `json:"temp"`     // content is verified before it is stored, and stored once
	Shards   bool `json:"shards"`   // content is in shards: there is a package rs

	Uploads     bool `json:"uploads"`     // an upload goes on where it broke off
	Compression bool `json:"compression"` // stripes are compressed, so a shard has a table
	Maintenance bool `json:"maintenance"`
}

func featuresOf(chapter string) features {
	return features{
		Broker:   !cluster.Single(chapter),
		Versions: !cluster.Single(chapter) && !cluster.BrokerOnly(chapter),
		Temp:     has(chapter, "dataservice/temp"),
		Shards:   has(chapter, "rs"),

		Uploads:     has(chapter, "apiservice/uploads"),
		Compression: has(chapter, "rs/table.go"),
		Maintenance: has(chapter, "apiservice/maintenance"),
	}
}

func has(chapter, path string) bool {
	_, err := os.Stat(filepath.Join(chapter, path))
	return err == nil
}

// Page is a page that is being served.
type Page struct {
	cfg      Config
	has      features
	token    string
	listener net.Listener
	server   *http.Server
	cancel   context.CancelFunc // ends streams
	served   chan error
	checks   checks
	wasm     wasm

	mu      sync.Mutex
	healthy map[string]int  // the process id of each service when it was last healthy
	stopped map[string]bool // the servers that the page has stopped
}

// Open serves the page until Close.
func Open(cfg Config) (*Page, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Page{
		cfg: cfg, has: featuresOf(cfg.Chapter), token: rand.Text(), listener: listener, cancel: cancel,
		served: make(chan error, 1), healthy: map[string]int{}, stopped: map[string]bool{},
	}
	for _, service := range cfg.Cluster.All() {
		p.healthy[service.Name] = service.PID() // the cluster has started
	}
	p.server = &http.Server{
		Handler:           p.guard(p.routes()),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// URL returns the page's address with the token that actions need. A browser does not send what is
// after the #, so no log has it.
func (p *Page) URL() string {
	_, port, _ := net.SplitHostPort(p.listener.Addr().String()) // the listener made it
	return "http://" + net.JoinHostPort("localhost", port) + "/#" + p.token
}

// Close stops serving after the actions that are under way, and starts the servers that the page has
// stopped. It leaves the services as they are.
func (p *Page) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	p.cancel()
	err := p.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, p.server.Close())
	}
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	for _, name := range p.stoppedServers() {
		err = errors.Join(err, p.startServer(ctx, name))
	}
	return err
}

func (p *Page) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.Handle("GET /assets/", http.FileServerFS(assets))
	mux.HandleFunc("GET /events", p.events)
	mux.HandleFunc("GET /pieces", p.pieces)
	mux.HandleFunc("GET /requests/{id}", p.follow)
	mux.HandleFunc("GET /hand.wasm", p.handWASM)
	mux.HandleFunc("GET /wasm_exec.js", p.wasmExec)
	mux.Handle("POST /services/{service}/{action}", p.action(p.serviceAction))
	mux.Handle("POST /servers/{server}/{action}", p.action(p.serverAction))
	mux.Handle("POST /services/{service}/files/{file}/{action}", p.action(p.fileAction))
	mux.Handle("/store/{service}/", p.withToken(http.HandlerFunc(p.store)))
	return mux
}
