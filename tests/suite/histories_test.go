package suite

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

func TestOneObject(t *testing.T) {
	put := func(from, to int64, hash string, version int64) porcupine.Operation {
		return porcupine.Operation{Input: Call{Name: "a", Put: hash}, Output: Outcome{version, hash}, Call: from, Return: to}
	}
	get := func(from, to int64, hash string, version int64) porcupine.Operation {
		return porcupine.Operation{Input: Call{Name: "a"}, Output: Outcome{version, hash}, Call: from, Return: to}
	}
	for what, test := range map[string]struct {
		history []porcupine.Operation
		can     bool
	}{
		"one after the other":           {[]porcupine.Operation{get(0, 1, "", 0), put(2, 3, "x", 1), get(4, 5, "x", 1), put(6, 7, "y", 2), get(8, 9, "y", 2)}, true},
		"seen before it is answered":    {[]porcupine.Operation{put(0, 9, "x", 1), get(1, 2, "x", 1)}, true},
		"done after its client gave up": {[]porcupine.Operation{put(0, math.MaxInt64, "x", 1), get(8, 9, "", 0), get(10, 11, "x", 1)}, true},
		"missing after its answer":      {[]porcupine.Operation{put(0, 1, "x", 1), get(2, 3, "", 0)}, false},
		"old after new":                 {[]porcupine.Operation{put(0, 1, "x", 1), put(2, 9, "y", 2), get(3, 4, "y", 2), get(5, 6, "x", 1)}, false},
		"two of one version":            {[]porcupine.Operation{put(0, 9, "x", 1), put(1, 8, "y", 1)}, false},
		"a version without a PUT":       {[]porcupine.Operation{put(0, 1, "x", 1), get(2, 3, "y", 2)}, false},
		"the content of another":        {[]porcupine.Operation{put(0, 1, "x", 1), get(2, 3, "y", 1)}, false},
		"a version is skipped":          {[]porcupine.Operation{put(0, 1, "x", 1), put(2, 3, "y", 3)}, false},
		"an effect is undone":           {[]porcupine.Operation{put(0, math.MaxInt64, "x", 1), get(2, 3, "x", 1), get(4, 5, "", 0)}, false},
	} {
		require.Equal(t, test.can, porcupine.CheckOperations(OneObject(), test.history), what)
	}
}
