package locate

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

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
	replies := make(chan rabbitmq.Message, 5)
	replies <- message("{")
	replies <- message(`{"address":"localhost:1","found":true}`)
	replies <- message(`{"address":7,"found":true}`)
	replies <- message(`{"address":"localhost:2","found":false}`)
	replies <- message(`{"address":"localhost:3","found":true}`)
	address, sure := newTestLocator().firstHolder(t.Context(), replies, []string{"localhost:2", "localhost:3"})
	require.True(t, sure)
	require.Equal(t, "localhost:3", address)
}

// FuzzAnswer has a data service answer anything: the holder is a live one, or none.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"address":"localhost:2","found":true}`)
	f.Add(`{"address":"localhost:1","found":true}`)
	f.Add(`{"address":"localhost:2","found":1}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		replies := make(chan rabbitmq.Message, 2)
		replies <- message(body)
		replies <- message(`{"address":"localhost:2","found":false}`)
		address, sure := newTestLocator().firstHolder(t.Context(), replies, []string{"localhost:2"})
		require.True(t, sure)
		require.Contains(t, []string{"", "localhost:2"}, address)
	})
}

// BenchmarkFirstHolder has six data services answer that they do not hold an object.
func BenchmarkFirstHolder(b *testing.B) {
	const services = 6
	replies := make(chan rabbitmq.Message, services)
	var live []string
	var answers []rabbitmq.Message
	for i := range services {
		live = append(live, fmt.Sprintf("localhost:%d", 12345+i))
		answers = append(answers, message(fmt.Sprintf(`{"address":%q,"found":false}`, live[i])))
	}
	l := newTestLocator()
	b.ReportAllocs()
	for b.Loop() {
		for _, a := range answers {
			replies <- a
		}
		address, sure := l.firstHolder(b.Context(), replies, live)
		require.True(b, sure)
		require.Empty(b, address)
	}
}
