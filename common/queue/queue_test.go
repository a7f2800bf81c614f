package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/requestid"
)

// TestOnce adds an item twice, and one too many.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[string](2)
		for _, item := range []string{"a", "a", "b", "c"} {
			q.Add(requestid.With(t.Context(), "of-"+item), item)
		}
		var done, ids []string
		ctx, cancel := context.WithCancel(t.Context())
		go q.Run(ctx, func(ctx context.Context, item string) bool {
			done, ids = append(done, item), append(ids, requestid.Of(ctx))
			return false
		})
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, done)
		require.Equal(t, []string{"of-a", "of-b"}, ids)
		q.Add(ctx, "a")
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "a"}, done)
		cancel()
	})
}

// TestAgain has an item that succeeds at the third attempt, and one that never does.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[string](2)
		q.Add(t.Context(), "third")
		q.Add(t.Context(), "never")
		tries := map[string]int{}
		ctx, cancel := context.WithCancel(t.Context())
		go q.Run(ctx, func(_ context.Context, item string) bool {
			tries[item]++
			return item == "never" || tries[item] < 3
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, map[string]int{"third": 3, "never": attempts}, tries)
		cancel()
	})
}
