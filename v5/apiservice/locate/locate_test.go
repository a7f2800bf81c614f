package locate

import (
	"context"
	"fmt"
	"strings"
	"sync"
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
	var q question
	require.NoError(t, listen(t.Context(), []*question{&q}, replies, live))
	require.True(t, q.sure)
	require.Equal(t, rs.Shards, q.places.Known())
	require.Equal(t, rs.Shards, q.places.Holders())
}

// six are data services of which the first holds one shard of every content that begins with an a.
type six struct{ live [6]string }

func (s *six) Live() ([]string, error) { return s.live[:], nil }

func (s *six) Request(_ context.Context, _ string, body []byte) (<-chan rabbitmq.Message, error) {
	replies := make(chan rabbitmq.Message, len(s.live))
	for i, address := range s.live {
		var answers strings.Builder
		for name := range strings.SplitSeq(string(body), "\n") {
			shards := "null"
			if i == 0 && name[0] == 'a' {
				shards = "[3]"
			}
			fmt.Fprintf(&answers, "{\"address\":%q,\"shards\":%s}\n", address, shards)
		}
		replies <- rabbitmq.Message{Body: []byte(answers.String())}
	}
	return replies, nil
}

// Questions that go in one message have an answer each.
func TestManyQuestionsAtOnce(t *testing.T) {
	services := &six{[6]string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}}
	locator, err := NewLocator(services, services)
	require.NoError(t, err)
	var asking sync.WaitGroup
	for i := range 1000 {
		asking.Go(func() {
			name, want := fmt.Sprintf("b%d", i), Places{}
			if i%3 == 0 {
				name, want[3] = fmt.Sprintf("a%d", i), "a:1"
			}
			places, sure, err := locator.Locate(t.Context(), name)
			require.NoError(t, err)
			require.True(t, sure)
			require.Equal(t, want, places)
		})
	}
	asking.Wait()
}

// An answer that leaves out a question is none.
func TestTooFewAnswers(t *testing.T) {
	replies := make(chan rabbitmq.Message, 1)
	replies <- rabbitmq.Message{Body: []byte(`{"address":"a:1","shards":[1]}`)}
	questions := []*question{{name: "a"}, {name: "b"}}
	require.ErrorContains(t, listen(t.Context(), questions, replies, []string{"a:1"}), "answer of a data service")
}
