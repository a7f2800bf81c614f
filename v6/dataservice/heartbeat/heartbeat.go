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

// interval is the time from one heartbeat to the next.
const interval = time.Second

// Announce broadcasts the address of this data service and how much is free there every second
// until ctx is done. While free returns an error it says nothing, so that API services turn to
// others.
func Announce(ctx context.Context, broker *rabbitmq.Client, address string, free func() (int64, error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if bytes, err := free(); err == nil {
			// A heartbeat that cannot be sent is not sent late: the next one says the same.
			_ = broker.Broadcast(ctx, exchange, fmt.Appendf(nil, "%s %d", address, bytes))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
