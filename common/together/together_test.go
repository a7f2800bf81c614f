package together

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestManyGoTogether has more callers at once than go in one request: each has its own answer, and no
// request has more than it may, nor are there more requests than it takes.
func TestManyGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sizes []int
		double := New(func(_ context.Context, items []*int) error {
			time.Sleep(time.Second) // of a clock that stands still until all callers wait
			mu.Lock()
			defer mu.Unlock()
			sizes = append(sizes, len(items))
			for _, item := range items {
				*item *= 2
			}
			return nil
		})
		numbers := make([]int, requestsAtOnce+10*mostTogether+1)
		var asking sync.WaitGroup
		for i := range numbers {
			numbers[i] = i
			asking.Go(func() { require.NoError(t, double.Do(t.Context(), &numbers[i])) })
		}
		asking.Wait()
		total := 0
		for _, size := range sizes {
			require.LessOrEqual(t, size, mostTogether)
			total += size
		}
		require.Equal(t, len(numbers), total)
		require.LessOrEqual(t, len(sizes), requestsAtOnce+10+1)
		for i, number := range numbers {
			require.Equal(t, 2*i, number)
		}
	})
}
