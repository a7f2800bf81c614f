// Package heartbeat tells the API services that this data service is there.
package heartbeat

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Exchange is where data services announce themselves: the body of each message is an address.
const Exchange = "apiServers"

// Interval is the time from one heartbeat to the next.
const Interval = time.Second

// Broadcaster sends a message to everyone who listens on an exchange.
type Broadcaster interface {
	Broadcast(ctx context.Context, exchange string, body []byte) error
}

// Announce broadcasts the address of this data service every Interval until ctx is done.
func Announce(ctx context.Context, broker Broadcaster, address string) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		// A heartbeat that cannot be sent is not sent late: the next one says the same.
		_ = broker.Broadcast(ctx, Exchange, []byte(address))
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Address returns what a data service announces: where others reach it. That is where it listens, if
// this names a host; one that listens on every interface (":8888") must be told by which of them.
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
