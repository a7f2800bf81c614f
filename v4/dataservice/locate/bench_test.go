package locate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type holdsAll struct{}

func (holdsAll) Has(string) (bool, error) { return true, nil }

func BenchmarkAnswer(b *testing.B) {
	name := strings.Repeat("a1", 32) // as long as a hash in hexadecimal
	b.ReportAllocs()
	for b.Loop() {
		_, err := answerFor("localhost:12345", name, holdsAll{})
		require.NoError(b, err)
	}
}
