// Package heartbeat tells the API services that this data service is alive.
package heartbeat

import (
	"context"
	"fmt"
	"net"
	"time"

	"gostore/common/rabbitmq"
)

// exchange is where data services announce themselves: the body of each message is an address.
const exchange = "apiServers"

// interval is the time from one heartbeat to the next.
const interval = time.Second

// Announce broadcasts the address of this data service every second until ctx is done.
func Announce(ctx context.Context, broker *rabbitmq.Client, address string) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		// A heartbeat that cannot be sent is not sent late: the next one says the same.
		_ = broker.Broadcast(ctx, exchange, []byte(address))
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Address returns the address that a data service announces: where others reach it. That is where it
// listens if this names a host; one that listens on every interface (":8888") must be told by which
// address it is reached.
func Address(listen, advertise string) (string, error) {
	if advertise != "" {
		listen = advertise
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("address of this service: %w", err)
	}
	if host == "" || net.ParseIP(host).IsUnspecified() || port == "0" {
		return "", fmt.Errorf("%s names no host and port that API services could reach: set ADVERTISE_ADDRESS=HOST:PORT", listen)
	}
	return listen, nil
}
