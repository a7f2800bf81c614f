package stack

import (
	"context"
	"errors"
	"fmt"
)

// Request says what kind of pair is wanted.
type Request struct {
	Ways []Way // in order of preference; STACK in the environment overrides them
	// Dir is where a pair of one's own lives and keeps its data, which outlasts it. Where Dir is
	// empty the pair is shared with everybody else who works on this source tree, and keeps nothing.
	Dir string
	// Alone asks, where Dir is empty, for a pair that nobody else uses until Close. The next who asks
	// for one is given the same, with what was put into it, and with both servers running.
	Alone bool
	// BrokerOnly is for who does without Elasticsearch, which takes the longest to start. A shared
	// pair may have it all the same.
	BrokerOnly bool
	// Log is told which way was taken and why others were not.
	Log func(line string)
}

// Acquire returns a pair of servers, which runs until Close or the end of this process. It takes the
// first way that can be had; if STACK forces one that cannot, that is an error. The servers may be
// shared with others: use names of your own on them.
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
		reasons = append(reasons, fmt.Errorf("stack: %s: not to be had: %w", way, err))
		if len(ways) > 1 {
			want.Log(reasons[len(reasons)-1].Error())
		}
	}
	return nil, errors.Join(reasons...)
}

func acquire(ctx context.Context, way Way, want Request) (Servers, error) {
	if err := possible(ctx, way, want); err != nil {
		return nil, err
	}
	if way == Given {
		return connectGiven(ctx)
	}
	if want.Alone {
		return takeFreeLease(ctx, way, want)
	}
	return takeLease(ctx, way, want, 0)
}
