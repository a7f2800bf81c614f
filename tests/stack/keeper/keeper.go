// Package keeper runs a pair of servers while there is a lease on it.
package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"os"
	"sync"
	"syscall"
	"time"

	"gostore/tests/stack"
)

const (
	firstLeaseTimeout = 10 * time.Second // for the first lease to come
	callTimeout       = 2 * time.Minute  // for one call, such as the start of a container
	closeTimeout      = 30 * time.Second
)

// Config says what to run and where to listen.
type Config struct {
	Socket string // to listen on
	Log    *slog.Logger
	// Start starts the servers. It is called once; calls on leases wait for it.
	Start func(ctx context.Context) (stack.Servers, error)
}

type keeper struct {
	log     *slog.Logger
	started chan struct{} // closed when servers or failed is set
	servers stack.Servers
	failed  error

	mu        sync.Mutex
	leases    int
	exclusive *calls        // connection with exclusive use; nil if there is none
	unused    chan struct{} // closed when the last lease has ended
	once      sync.Once
}

// Run runs the servers until the last lease has ended or ctx is done, and closes them. It is an
// error if they do not start or do not close; calls on leases get the first error too.
func Run(ctx context.Context, cfg Config) error {
	listener, err := listen(ctx, cfg.Socket)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k := &keeper{log: cfg.Log, started: make(chan struct{}), unused: make(chan struct{})}
	var background sync.WaitGroup
	background.Go(func() { k.start(ctx, cfg.Start) })
	background.Go(func() { k.accept(listener) })
	unclaimed := time.AfterFunc(firstLeaseTimeout, func() { k.hold(); k.release() })
	defer unclaimed.Stop()
	select {
	case <-ctx.Done():
	case <-k.unused:
	}
	cancel()
	err = listener.Close()
	background.Wait()
	return errors.Join(err, k.failed, k.close())
}

// listen replaces the socket of a killed keeper. The caller has the lock, so no other keeper uses
// it.
func listen(ctx context.Context, socket string) (net.Listener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return (&net.ListenConfig{}).Listen(ctx, "unix", socket)
}

func (k *keeper) start(ctx context.Context, start func(ctx context.Context) (stack.Servers, error)) {
	defer close(k.started)
	k.servers, k.failed = start(ctx)
	if k.failed == nil {
		k.log.Info("started", "versions", k.servers.Versions(), "urls", k.servers.URLs())
	}
}

func (k *keeper) close() error {
	if k.servers == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return k.servers.Close(ctx)
}

// accept serves each connection until the client closes it. Connections that are open when the
// process ends are closed by its end.
func (k *keeper) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed by Run
		}
		k.hold()
		go func() {
			defer k.release()
			server, holder := rpc.NewServer(), &calls{k}
			defer k.releaseExclusive(holder)
			if err := server.RegisterName("Keeper", holder); err != nil {
				k.log.Error("register", "error", err)
				return
			}
			server.ServeConn(conn)
		}()
	}
}

func (k *keeper) hold() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leases++
}

func (k *keeper) release() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leases--
	if k.leases == 0 {
		k.once.Do(func() { close(k.unused) })
	}
}

// takeExclusive gives the pair exclusively to one connection.
func (k *keeper) takeExclusive(c *calls) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.exclusive != nil {
		return stack.ErrInUse
	}
	k.exclusive = c
	return nil
}

// releaseExclusive ends takeExclusive, if it was c's.
func (k *keeper) releaseExclusive(c *calls) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.exclusive == c {
		k.exclusive = nil
	}
}

// follow holds a lease while a process lives.
func (k *keeper) follow(pid int) {
	k.hold()
	go func() {
		defer k.release()
		for syscall.Kill(pid, 0) == nil {
			time.Sleep(100 * time.Millisecond) // there is no portable way to wait for a process that is not a child
		}
	}()
}

// calls are the net/rpc methods of a lease: Hold and the methods of stack.Servers.
type calls struct{ k *keeper }

func (c *calls) Hold(args stack.Hold, reply *stack.Pair) error {
	if args.Exclusive {
		if err := c.k.takeExclusive(c); err != nil {
			return err
		}
	}
	if args.Follow != 0 {
		c.k.follow(args.Follow)
	}
	<-c.k.started
	if c.k.failed != nil {
		return c.k.failed
	}
	*reply = stack.Pair{URLs: c.k.servers.URLs(), Versions: c.k.servers.Versions()}
	return nil
}

func (c *calls) StopBroker(stack.Empty, *stack.Empty) error {
	return c.do("stop broker", stack.Servers.StopBroker)
}

func (c *calls) StartBroker(stack.Empty, *stack.Empty) error {
	return c.do("start broker", stack.Servers.StartBroker)
}

func (c *calls) StopElasticsearch(stack.Empty, *stack.Empty) error {
	return c.do("stop Elasticsearch", stack.Servers.StopElasticsearch)
}

func (c *calls) StartElasticsearch(stack.Empty, *stack.Empty) error {
	return c.do("start Elasticsearch", stack.Servers.StartElasticsearch)
}

func (c *calls) DropConnections(stack.Empty, *stack.Empty) error {
	return c.do("drop connections", stack.Servers.DropConnections)
}

func (c *calls) BeginAlarm(stack.Empty, *stack.Empty) error {
	return c.do("begin alarm", stack.Servers.BeginAlarm)
}

func (c *calls) EndAlarm(stack.Empty, *stack.Empty) error {
	return c.do("end alarm", stack.Servers.EndAlarm)
}

func (c *calls) Counts(_ stack.Empty, reply *stack.Counts) error {
	return c.do("counts", func(s stack.Servers, ctx context.Context) (err error) {
		*reply, err = s.Counts(ctx)
		return err
	})
}

func (c *calls) do(what string, call func(stack.Servers, context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := call(c.k.servers, ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
