package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/rs"
	"gostore/common/files"
	"gostore/common/hash"
	"gostore/common/metrics"
)

// BenchmarkOpen starts a store with many shards, and prints the memory that its index takes.
func BenchmarkOpen(b *testing.B) {
	for _, shards := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(shards), func(b *testing.B) {
			root := b.TempDir()
			dir, err := files.Open(root)
			require.NoError(b, err)
			defer dir.Close() // nothing is written
			for i := range shards {
				name := rs.Name(hash.Of(fmt.Append(nil, i)), i%rs.Shards)
				require.NoError(b, os.WriteFile(filepath.Join(root, "objects", name), nil, 0o600))
			}
			before := heap()
			var s *Store
			for b.Loop() {
				s, err = Open(dir, time.Hour, metrics.New())
				require.NoError(b, err)
			}
			b.ReportMetric(float64(heap()-before)/(1<<20), "heap-MiB")
			require.Equal(b, shards, s.known())
		})
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
