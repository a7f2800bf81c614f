package locate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/rs"
	"gostore/common/hash"
)

type holds map[string]bool

func (h holds) Has(file string) (bool, error) { return h[file], nil }

func TestAnswerNamesTheShards(t *testing.T) {
	stored, other := hash.Of([]byte("stored")), hash.Of([]byte("other"))
	holder := holds{rs.Name(stored, 0): true, rs.Name(stored, 5): true}
	body, err := answerFor("localhost:12345", stored.Hex(), holder)
	require.NoError(t, err)
	require.Equal(t, `{"address":"localhost:12345","shards":[0,5]}`, string(body))
	body, err = answerFor("localhost:12345", other.Hex(), holder)
	require.NoError(t, err)
	require.Equal(t, `{"address":"localhost:12345","shards":[]}`, string(body))
	_, err = answerFor("localhost:12345", "../"+other.Hex(), holder)
	require.Error(t, err)
}
