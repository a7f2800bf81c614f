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

// errNoKeeper means that there is no keeper to hold a lease with, or that it is just going.
var errNoKeeper = errors.New("no keeper")

// ErrInUse is a keeper's answer to who wants a pair alone that somebody has.
var ErrInUse = errors.New("this pair is in use")

// Hold asks a keeper for its pair. It is the first call on a connection; the connection itself is
// the lease. The calls after it are those of Servers.
type Hold struct {
	// Follow, if not 0, is a process for whose life the keeper stays too: the go command that runs
	// one test binary after the other, with pauses in which nobody else holds a lease.
	Follow int
	// Alone has the call fail with ErrInUse while another connection has the pair so.
	Alone bool
}

// Pair is the answer to Hold.
type Pair struct {
	URLs     URLs
	Versions string
}

// lease is a hold on a pair that a keeper runs.
type lease struct {
	Pair
	keeper *rpc.Client
}

// takeFreeLease joins the first keeper whose pair nobody uses, and has both servers of it run, in
// whatever state the last user left them.
func takeFreeLease(ctx context.Context, way Way, want Request) (Servers, error) {
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

// takeLease joins the keeper of that place, and starts it where there is none.
func takeLease(ctx context.Context, way Way, want Request, number int) (Servers, error) {
	place, err := placeOf(ctx, way, want, number)
	if err != nil {
		return nil, err
	}
	for {
		servers, err := place.join(ctx)
		if !errors.Is(err, errNoKeeper) {
			return servers, err
		}
		if err := place.startKeeper(ctx); err != nil {
			return nil, fmt.Errorf("start keeper: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for keeper: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *place) join(ctx context.Context) (Servers, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
	if err != nil {
		return nil, errNoKeeper
	}
	l := &lease{keeper: rpc.NewClient(conn)}
	err = l.call(ctx, "Hold", p.hold(), &l.Pair)
	if err == nil {
		return l, nil
	}
	_ = l.keeper.Close() // nothing is held
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
	return nil, errNoKeeper // it went while we asked
}

// hold has a pair that is in nobody's directory outlast its leases.
func (p *place) hold() Hold {
	if !p.temporary {
		return Hold{}
	}
	return Hold{Follow: parentGo(), Alone: p.number > 0}
}

// parentGo returns the process id of the go command if it started this process, else 0.
func parentGo() int {
	parent := os.Getppid()
	name, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(parent)).Output()
	if err != nil || filepath.Base(strings.TrimSpace(string(name))) != "go" {
		return 0
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

// Nothing is what calls take or answer that need no more than their name.
type Nothing struct{}

func (l *lease) URLs() URLs       { return l.Pair.URLs }
func (l *lease) Versions() string { return l.Pair.Versions }

func (l *lease) StopBroker(ctx context.Context) error {
	return l.call(ctx, "StopBroker", Nothing{}, &Nothing{})
}

func (l *lease) StartBroker(ctx context.Context) error {
	return l.call(ctx, "StartBroker", Nothing{}, &Nothing{})
}

func (l *lease) StopElasticsearch(ctx context.Context) error {
	return l.call(ctx, "StopElasticsearch", Nothing{}, &Nothing{})
}

func (l *lease) StartElasticsearch(ctx context.Context) error {
	return l.call(ctx, "StartElasticsearch", Nothing{}, &Nothing{})
}

func (l *lease) DropConnections(ctx context.Context) error {
	return l.call(ctx, "DropConnections", Nothing{}, &Nothing{})
}

func (l *lease) Counts(ctx context.Context) (counts Counts, err error) {
	return counts, l.call(ctx, "Counts", Nothing{}, &counts)
}

func (l *lease) Close(context.Context) error {
	return l.keeper.Close()
}
