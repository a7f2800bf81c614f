package buffers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPool(t *testing.T) {
	p := New(1 << 20)
	for _, n := range []int{0, 1, 1 << 17, 1 << 20, 1<<20 + 1} {
		b := p.Get(n)
		require.Len(t, b, n)
		p.Put(b)
	}
	require.Less(t, cap(p.Get(100)), 1<<20, "a small one does not take a large one")
}

// TestReuse fails without the pool. (The race detector has pools forget at random.)
func TestReuse(t *testing.T) {
	p := New(1 << 20)
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			p.Put(p.Get(1 << 20))
		}
	}).AllocedBytesPerOp()
	require.Less(t, allocated, int64(1<<19))
}
