package locate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/chapter5/rs"
	"gostore/common/hash"
)

type holds map[string]bool

func (h holds) Has(file string) (bool, error) { return h[file], nil }

func TestAnswersAreInTheOrderOfTheQuestions(t *testing.T) {
	stored, other := hash.Of([]byte("stored")), hash.Of([]byte("other"))
	dir := holds{rs.Name(stored, 0): true, rs.Name(stored, 5): true}
	body, err := answerFor("localhost:12345", strings.Join([]string{other.Hex(), stored.Hex()}, "\n"), dir)
	require.NoError(t, err)
	require.Equal(t, `{"address":"localhost:12345","shards":null}`+"\n"+`{"address":"localhost:12345","shards":[0,5]}`+"\n", string(body))
	_, err = answerFor("localhost:12345", other.Hex()+"\n", dir)
	require.Error(t, err)
}
