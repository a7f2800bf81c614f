// Package elastic is a small Elasticsearch 7.17 for machines that have none. It answers the requests
// that go-store and its tests make as the real server does, and refuses every other with 400 and a
// line that says so. Package conformance compares the two.
//
// An index is a list of writes, which only grows; the sequence number of a write is its position. What
// a search sees is one integer, how many of the writes, and a refresh raises it. Searches find
// documents by name, and sort by name and version. Everything is in one log, which is synced before a
// write is answered, and read when the server starts. In memory is where each write is in the log, its
// id, name and version: about 200 bytes.
//
// There is one node and one shard, and nothing is ever removed from the log.
//
// Reading order: routes.go, documents.go, store.go and log.go for a write; index.go and search.go for
// a search; then aliases.go (indices, templates, rollovers) and mapping.go.
package elastic

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a running server. Its methods may be called concurrently.
type Server struct {
	listener net.Listener
	http     *http.Server
	store    *store
	running  sync.WaitGroup // the accept loop
	handling sync.RWMutex   // read-locked by each request
}

// Listen starts a server on a TCP address (host:port; port 0 for any that is free) with its data in
// dir, which is made if it is missing and which no other server may use. The caller must Close it.
func Listen(addr, dir string) (*Server, error) {
	file, err := openFile(dir)
	if err != nil {
		return nil, fmt.Errorf("elastic: %w", err)
	}
	return listen(addr, file)
}

// listen takes over the file, also when it fails.
func listen(addr string, f file) (*Server, error) {
	var listener net.Listener
	store, err := openStore(f)
	if err == nil {
		listener, err = net.Listen("tcp", addr)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("elastic: %w", err), f.Close())
	}
	s := &Server{listener: listener, store: store}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() { _ = s.http.Serve(listener) }) // it returns when the listener is closed
	return s, nil
}

// Addr returns the address that the server listens on, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the address as http://host:port.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Close cuts all connections, and returns when all requests have ended, the port is free and the
// data can be opened again. A write that was not answered may have been done or not.
func (s *Server) Close() error {
	err := s.http.Close()
	s.running.Wait()
	s.handling.Lock()
	defer s.handling.Unlock()
	return errors.Join(err, s.store.log.file.Close())
}
