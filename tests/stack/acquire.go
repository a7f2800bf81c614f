package stack

import (
	"context"
	"errors"
	"fmt"
)

// Request describes the pair of servers that is wanted.
type Request struct {
	Ways []Way // in order of preference; overridden by STACK in the environment
	// Dir is the directory of a pair that only callers with the same Dir share; its data outlives
	// it. If Dir is empty, the pair is shared with all users of this source tree, and its data is
	// deleted.
	Dir string
	// Exclusive asks for a pair that nothing else uses until Close; it is ignored with Dir. A later
	// exclusive request gets the same pair, with its data, and with both servers running.
	Exclusive bool
	// BrokerOnly asks for RabbitMQ only; Elasticsearch takes longest to start. A shared pair may
	// have both.
	BrokerOnly bool
	// Log receives a line with the way that was taken, and one with the reason for each that was
	// not.
	Log func(line string)
}

// Acquire returns a pair of servers, which runs until Close or the end of this process. It takes
// the first way that is available. If the way that STACK forces is not, that is an error. The
// servers may be shared: callers must use their own names on them.
func Acquire(ctx context.Context, want Request) (Servers, error) {
	ways, err := chosen(want.Ways)
	if err != nil {
		return nil, err
	}
	var reasons []error
	for _, way := range ways {
		servers, err := acquire(ctx, way, want)
		if err == nil {
			want.Log(fmt.Sprintf("stack: %s: %s", way, servers.Versions()))
			return servers, nil
		}
		reasons = append(reasons, fmt.Errorf("stack: %s: unavailable: %w", way, err))
		if len(ways) > 1 {
			want.Log(reasons[len(reasons)-1].Error())
		}
	}
	return nil, errors.Join(reasons...)
}

func acquire(ctx context.Context, way Way, want Request) (Servers, error) {
	if err := checkAvailable(ctx, way, want); err != nil {
		return nil, err
	}
	if way == Given {
		return connectGiven(ctx)
	}
	if want.Exclusive {
		return takeExclusiveLease(ctx, way, want)
	}
	return takeLease(ctx, way, want, 0)
}
