package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// errNoKeeper means that no keeper runs, or that it is about to exit.
var errNoKeeper = errors.New("no keeper")

// ErrInUse is the answer to an exclusive Hold while another connection has the pair exclusively.
var ErrInUse = errors.New("this pair is in use")

// Hold asks a keeper for its pair. It must be the first call on a connection, which is the lease.
// The methods of Servers follow.
type Hold struct {
	// Follow, if not 0, is a process id; the keeper runs at least as long as that process. It is
	// the go command, which runs test binaries one after the other with no lease in between, or
	// the caller, which may release the pair and acquire it again.
	Follow int
	// Exclusive makes the call fail with ErrInUse while another connection has the pair
	// exclusively.
	Exclusive bool
}

// Pair is the answer to Hold.
type Pair struct {
	URLs     URLs
	Versions string
}

// lease is a lease on a keeper's pair.
type lease struct {
	Pair
	keeper *rpc.Client
}

// takeExclusiveLease takes the first pair that has no exclusive user and starts both of its
// servers, which an earlier user may have stopped.
func takeExclusiveLease(ctx context.Context, way Way, want Request) (Servers, error) {
	for number := 1; ; number++ {
		servers, err := takeLease(ctx, way, want, number)
		if errors.Is(err, ErrInUse) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := errors.Join(servers.StartBroker(ctx), servers.StartElasticsearch(ctx)); err != nil {
			return nil, errors.Join(err, servers.Close(ctx))
		}
		return servers, nil
	}
}

// takeLease connects to the keeper of a location and starts one if none runs.
func takeLease(ctx context.Context, way Way, want Request, number int) (Servers, error) {
	location, err := locationOf(ctx, way, want, number)
	if err != nil {
		return nil, err
	}
	for {
		servers, err := location.join(ctx)
		if !errors.Is(err, errNoKeeper) {
			return servers, err
		}
		if err := location.startKeeper(ctx); err != nil {
			return nil, fmt.Errorf("start keeper: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for keeper: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *location) join(ctx context.Context) (Servers, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
	if err != nil {
		return nil, errNoKeeper
	}
	l := &lease{keeper: rpc.NewClient(conn)}
	err = l.call(ctx, "Hold", p.hold(), &l.Pair)
	if err == nil {
		return l, nil
	}
	_ = l.keeper.Close() // there is no lease
	var told rpc.ServerError
	if errors.As(err, &told) {
		if string(told) == ErrInUse.Error() {
			return nil, ErrInUse
		}
		return nil, errors.New(string(told))
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errNoKeeper // it exited during the call
}

// hold returns the call for this location. A shared pair must outlive its leases.
func (p *location) hold() Hold {
	if !p.temporary {
		return Hold{}
	}
	return Hold{Follow: follow(), Exclusive: p.number > 0}
}

// follow returns the process id for Hold of a shared pair: that of the go command if it is the
// parent, otherwise (as with go test -exec, or a test binary that is run directly) of this process.
func follow() int {
	parent := os.Getppid()
	name, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(parent)).Output()
	if err != nil || filepath.Base(strings.TrimSpace(string(name))) != "go" {
		return os.Getpid()
	}
	return parent
}

func (l *lease) call(ctx context.Context, method string, args, reply any) error {
	call := l.keeper.Go("Keeper."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-call.Done:
		return call.Error
	}
}

// Empty is an empty argument or result.
type Empty struct{}

func (l *lease) URLs() URLs       { return l.Pair.URLs }
func (l *lease) Versions() string { return l.Pair.Versions }

func (l *lease) StopBroker(ctx context.Context) error {
	return l.call(ctx, "StopBroker", Empty{}, &Empty{})
}

func (l *lease) StartBroker(ctx context.Context) error {
	return l.call(ctx, "StartBroker", Empty{}, &Empty{})
}

func (l *lease) StopElasticsearch(ctx context.Context) error {
	return l.call(ctx, "StopElasticsearch", Empty{}, &Empty{})
}

func (l *lease) StartElasticsearch(ctx context.Context) error {
	return l.call(ctx, "StartElasticsearch", Empty{}, &Empty{})
}

func (l *lease) DropConnections(ctx context.Context) error {
	return l.call(ctx, "DropConnections", Empty{}, &Empty{})
}

func (l *lease) BeginAlarm(ctx context.Context) error {
	return l.call(ctx, "BeginAlarm", Empty{}, &Empty{})
}

func (l *lease) EndAlarm(ctx context.Context) error {
	return l.call(ctx, "EndAlarm", Empty{}, &Empty{})
}

func (l *lease) Counts(ctx context.Context) (counts Counts, err error) {
	return counts, l.call(ctx, "Counts", Empty{}, &counts)
}

func (l *lease) Close(context.Context) error {
	return l.keeper.Close()
}
