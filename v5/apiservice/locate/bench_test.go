package locate

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/rabbitmq"
)

// Six data services answer that they have one shard each of an object.
func BenchmarkListen(b *testing.B) {
	const services = 6
	replies := make(chan rabbitmq.Message, services)
	var live []string
	var answers []rabbitmq.Message
	for i := range services {
		live = append(live, fmt.Sprintf("localhost:%d", 12345+i))
		answers = append(answers, rabbitmq.Message{Body: fmt.Appendf(nil, `{"address":%q,"shards":[%d]}`, live[i], i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, a := range answers {
			replies <- a
		}
		var q question
		require.NoError(b, listen(b.Context(), []*question{&q}, replies, live))
		require.True(b, q.sure)
		require.Equal(b, services, q.places.Known())
	}
}
