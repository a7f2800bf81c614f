package locate

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/apiservice/placement"
	"gostore/common/metrics"
	"gostore/common/rabbitmq"
)

func newTestLocator() *Locator {
	return NewLocator(nil, nil, nil, metrics.New().Locates(), slog.New(slog.DiscardHandler))
}

func message(body string) rabbitmq.Message { return rabbitmq.Message{Body: []byte(body)} }

// TestAnswersOfStrangersAreIgnored has answers come first that are malformed, or from an address that
// sends no heartbeats.
func TestAnswersOfStrangersAreIgnored(t *testing.T) {
	replies := make(chan rabbitmq.Message, 6)
	replies <- message("{")
	replies <- message(`{"address":"localhost:1","shards":[0,1,2,3,4,5]}`)
	replies <- message(`{"address":7,"shards":[0]}`)
	replies <- message(`{"address":"localhost:2","shards":[-1,6,1000000]}`)
	replies <- message(`{"address":"localhost:3","shards":[4]}`)
	replies <- message(`{"address":"localhost:3","shards":[5]}`)
	places, sure := newTestLocator().holders(t.Context(), replies, []string{"localhost:2", "localhost:3"})
	require.True(t, sure)
	require.Equal(t, placement.Places{4: "localhost:3"}, places)
}

// FuzzAnswer has a data service answer anything: a place is that of a live one, or none.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"address":"localhost:2","shards":[0,1,2,3,4,5]}`)
	f.Add(`{"address":"localhost:2","shards":[9223372036854775807,-9223372036854775808]}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		replies := make(chan rabbitmq.Message, 2)
		replies <- message(body)
		replies <- message(`{"address":"localhost:2","shards":null}`)
		places, sure := newTestLocator().holders(t.Context(), replies, []string{"localhost:2"})
		require.True(t, sure)
		for _, address := range places {
			require.Contains(t, []string{"", "localhost:2"}, address)
		}
	})
}

// BenchmarkHolders has six data services answer that they hold one shard each of an object.
func BenchmarkHolders(b *testing.B) {
	const services = 6
	replies := make(chan rabbitmq.Message, services)
	var live []string
	var answers []rabbitmq.Message
	for i := range services {
		live = append(live, fmt.Sprintf("localhost:%d", 12345+i))
		answers = append(answers, message(fmt.Sprintf(`{"address":%q,"shards":[%d]}`, live[i], i)))
	}
	l := newTestLocator()
	b.ReportAllocs()
	for b.Loop() {
		for _, a := range answers {
			replies <- a
		}
		places, sure := l.holders(b.Context(), replies, live)
		require.True(b, sure)
		require.Equal(b, services, places.Known())
	}
}
