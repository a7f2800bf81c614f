// Package heartbeat tells the API services that this data service is alive.
package heartbeat

import (
	"context"
	"fmt"
	"time"

	"gostore/common/rabbitmq"
)

// exchange is where data services announce themselves: the body of each message is an address and
// how many bytes are free.
const exchange = "apiServers"

const (
	// interval is the time from one heartbeat to the next.
	interval = time.Second
	// retry is that after one that could not be sent: API services know of a service soon after it has connected.
	retry = interval / 10
)

// Announce broadcasts the address of this data service and how much is free there every second
// until ctx is done. While free returns an error it says nothing, so that API services turn to
// others.
func Announce(ctx context.Context, broker *rabbitmq.Client, address string, free func() (int64, error)) {
	for ctx.Err() == nil {
		next := interval
		if bytes, err := free(); err == nil && broker.Broadcast(ctx, exchange, fmt.Appendf(nil, "%s %d", address, bytes)) != nil {
			next = retry
		}
		select {
		case <-ctx.Done():
		case <-time.After(next):
		}
	}
}
