package locate

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/rabbitmq"
)

// Six data services answer that they have not got an object.
func BenchmarkFirstHolder(b *testing.B) {
	const services = 6
	replies := make(chan rabbitmq.Message, services)
	var live []string
	var answers []rabbitmq.Message
	for i := range services {
		live = append(live, fmt.Sprintf("localhost:%d", 12345+i))
		answers = append(answers, rabbitmq.Message{Body: fmt.Appendf(nil, `{"address":%q,"found":false}`, live[i])})
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, a := range answers {
			replies <- a
		}
		address, sure, err := firstHolder(b.Context(), replies, live)
		require.NoError(b, err)
		require.True(b, sure)
		require.Empty(b, address)
	}
}
