package heartbeat

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/rabbitmq"
)

// TestAnnounceBeforeConnected has no connection: the next heartbeat is not a second away when there is one.
func TestAnnounceBeforeConnected(t *testing.T) {
	broker, err := rabbitmq.New("amqp://localhost", "", nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), interval-time.Nanosecond)
		defer cancel()
		tries := 0
		Announce(ctx, broker, "localhost:12345", func() (int64, error) { tries++; return 0, nil })
		require.EqualValues(t, interval/retry, tries)
	})
}
