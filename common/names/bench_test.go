package names

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// nested is a name as users choose them.
const nested = "photos/2026/夏/海 1.jpg"

func BenchmarkFromPath(b *testing.B) {
	path := "/objects/" + Segment(nested)
	b.ReportAllocs()
	for b.Loop() {
		_, err := FromPath(path)
		require.NoError(b, err)
	}
}

func BenchmarkSegment(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Segment(nested)
	}
}

func BenchmarkFile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, err := File(nested)
		require.NoError(b, err)
	}
}
