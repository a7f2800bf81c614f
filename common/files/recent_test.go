package files

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyWhatWasWrittenLastIsRecent(t *testing.T) {
	var r recent
	const all = recentSize / Cached
	for i := range all {
		require.Empty(t, r.add(strconv.Itoa(i), 10*Cached), "of a long file no more than its beginning")
	}
	require.Equal(t, []string{"0"}, r.add("small", 1))
	require.Empty(t, r.add("small, too", Cached-alignment))
	require.Equal(t, []string{"1"}, r.add("large", Cached+1))
}
