// Package keeper runs a pair of servers for as long as anybody holds a lease on it.
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
	firstLease    = 10 * time.Second // how long after start the first lease must come
	callPatience  = 2 * time.Minute  // for one call: a container that starts
	closePatience = 30 * time.Second
)

// Config says what to keep and where.
type Config struct {
	Socket string // to listen on
	Log    *slog.Logger
	// Start brings the servers up. It runs once, and those who hold leases wait for it.
	Start func(ctx context.Context) (stack.Servers, error)
}

type keeper struct {
	log     *slog.Logger
	started chan struct{} // closed when servers or failed is set
	servers stack.Servers
	failed  error

	mu     sync.Mutex
	leases int
	alone  *calls        // who has the pair for himself, if anybody
	unused chan struct{} // closed when the last lease is gone
	once   sync.Once
}

// Run keeps the servers until the last lease is gone or ctx is done, and closes them. It is an error
// if they do not start or do not close; those who hold leases are told of the first too.
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
	unclaimed := time.AfterFunc(firstLease, func() { k.hold(); k.release() })
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

// listen takes over the socket that a killed keeper left: whoever runs has the lock.
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
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	return k.servers.Close(ctx)
}

// accept serves each connection until its other end is gone; those still open at the end of the
// process end with it.
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
			defer k.leave(holder)
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

// take gives the pair to one connection alone.
func (k *keeper) take(c *calls) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.alone != nil {
		return stack.ErrInUse
	}
	k.alone = c
	return nil
}

// leave ends take, if c has the pair.
func (k *keeper) leave(c *calls) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.alone == c {
		k.alone = nil
	}
}

// follow holds a lease for as long as a process lives.
func (k *keeper) follow(pid int) {
	k.hold()
	go func() {
		defer k.release()
		for syscall.Kill(pid, 0) == nil {
			time.Sleep(100 * time.Millisecond) // there is no portable way to wait for what is no child
		}
	}()
}

// calls are what a holder of a lease may ask, by net/rpc: Hold, and the methods of stack.Servers.
type calls struct{ k *keeper }

func (c *calls) Hold(args stack.Hold, reply *stack.Pair) error {
	if args.Alone {
		if err := c.k.take(c); err != nil {
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

func (c *calls) StopBroker(stack.Nothing, *stack.Nothing) error {
	return c.do("stop broker", stack.Servers.StopBroker)
}

func (c *calls) StartBroker(stack.Nothing, *stack.Nothing) error {
	return c.do("start broker", stack.Servers.StartBroker)
}

func (c *calls) StopElasticsearch(stack.Nothing, *stack.Nothing) error {
	return c.do("stop Elasticsearch", stack.Servers.StopElasticsearch)
}

func (c *calls) StartElasticsearch(stack.Nothing, *stack.Nothing) error {
	return c.do("start Elasticsearch", stack.Servers.StartElasticsearch)
}

func (c *calls) DropConnections(stack.Nothing, *stack.Nothing) error {
	return c.do("drop connections", stack.Servers.DropConnections)
}

func (c *calls) Counts(_ stack.Nothing, reply *stack.Counts) error {
	return c.do("counts", func(s stack.Servers, ctx context.Context) (err error) {
		*reply, err = s.Counts(ctx)
		return err
	})
}

func (c *calls) do(what string, call func(stack.Servers, context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	if err := call(c.k.servers, ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
