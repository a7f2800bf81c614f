package heartbeat

import (
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/peer"
	"gostore/common/rabbitmq"
)

func TestParse(t *testing.T) {
	for message, free := range map[string]int64{
		"localhost:12345":                     math.MaxInt64, // a heartbeat that does not say
		"localhost:12345 0":                   0,
		"[::1]:12345 9223372036854775807":     math.MaxInt64,
		"data-1.example:12345 1099511627776":  1 << 40,
		"localhost:12345 9223372036854775808": -1, // not taken
		"localhost:12345 -1":                  -1,
		"localhost:12345 1 ":                  -1,
		"localhost:12345 1 2":                 -1,
		"localhost:12345 ":                    -1,
		"localhost:12345  1":                  -1,
		"localhost:12345\t1":                  -1,
		" localhost:12345 1":                  -1,
		"localhost 1":                         -1,
		"localhost:12345/x?y=z 1":             -1,
		"":                                    -1,
	} {
		_, got, ok := parse(message)
		require.Equal(t, free >= 0, ok, "%q", message)
		if ok {
			require.Equal(t, free, got, "%q", message)
		}
	}
}

// TestLongestMessage has a stranger send a message that is too long, and one of the longest name.
func TestLongestMessage(t *testing.T) {
	broker, err := rabbitmq.New("amqp://localhost", "", nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	m := NewMonitor(broker)
	m.hear([]byte("localhost:12345 " + strings.Repeat("0", maxMessage) + "1"))
	require.Empty(t, m.last)
	longest := strings.Repeat("a", 253) + ":65535"
	m.hear([]byte(longest + " 9223372036854775807"))
	require.Contains(t, m.last, longest)
}

// FuzzParse has a stranger send anything: what is taken names a host and a port, and has no path.
func FuzzParse(f *testing.F) {
	f.Add("localhost:12345 1")
	f.Fuzz(func(t *testing.T, message string) {
		address, free, ok := parse(message)
		if ok {
			require.True(t, peer.IsAddress(address))
			require.GreaterOrEqual(t, free, int64(0))
		}
	})
}
