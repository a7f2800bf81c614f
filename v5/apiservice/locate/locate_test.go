package locate

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/rs"
	"gostore/common/rabbitmq"
)

// Equal objects were put at the same time: the two data services that answer first hold all shards, the others
// some of them too. A PUT that took the object to lie on two would be refused.
func TestSpreadOverAllThatHold(t *testing.T) {
	replies := make(chan rabbitmq.Message, rs.Shards)
	var live []string
	for i, shards := range []string{"[0,3,5]", "[1,2,4]", "[0,1]", "[2]", "[3]", "[4]"} {
		live = append(live, fmt.Sprintf("localhost:%d", 12345+i))
		replies <- rabbitmq.Message{Body: fmt.Appendf(nil, `{"address":%q,"shards":%s}`, live[i], shards)}
	}
	places, sure, err := holders(t.Context(), replies, live)
	require.NoError(t, err)
	require.True(t, sure)
	require.Equal(t, rs.Shards, places.Known())
	require.Equal(t, rs.Shards, places.Holders())
}
