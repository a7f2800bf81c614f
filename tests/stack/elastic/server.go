package elastic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerPatience = 10 * time.Second // for a client to send its request line and headers
	idlePatience   = 5 * time.Minute
)

// Server is a running server. Its methods may be called by several goroutines at once.
type Server struct {
	listener net.Listener
	http     *http.Server
	store    *store
	routes   []route
	stop     context.CancelFunc // ends requests that wait
	running  sync.WaitGroup     // the accept loop, and one for each connection
	once     sync.Once
	failed   error // of Close
}

// Listen starts a server on a TCP address (host:port; port 0 for any that is free) with its data in
// dir, which is made if need be and which no other server may use. The caller must Close it.
func Listen(addr, dir string) (*Server, error) {
	store, err := openStore(dir)
	if err != nil {
		return nil, fmt.Errorf("elastic: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("elastic: %w", err), store.close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{listener: listener, store: store, stop: stop}
	s.routes = s.table()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience,
		ConnState: s.track, BaseContext: func(net.Listener) context.Context { return ctx }}
	s.running.Go(func() { _ = s.http.Serve(listener) }) // it ends when it is closed; there is nothing else to know
	return s, nil
}

// Addr returns the address that the server listens on, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL returns the address as clients want it.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Close cuts all connections, and returns when all requests have ended, the port is free and the
// data can be opened again. A write that was not answered may have been done or not.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.stop()
		err := s.http.Close()
		s.running.Wait()
		s.failed = errors.Join(err, s.store.close())
	})
	return s.failed
}

// track counts connections. A new one is told of by the accept loop, so while that is counted itself.
func (s *Server) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed:
		s.running.Done()
	}
}
