package hash

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkOf(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			content := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				Of(content)
			}
		})
	}
}

// BenchmarkReader shows what a Reader adds to the cost of the hash.
func BenchmarkReader(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			content, buffer := make([]byte, size), make([]byte, 32<<10)
			want := Of(content)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r := NewReader(bytes.NewReader(content), want, int64(size))
				_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buffer)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkFromHeader(b *testing.B) {
	header := http.Header{"Digest": {"SHA-256=" + hello}}
	b.ReportAllocs()
	for b.Loop() {
		_, err := FromHeader(header)
		require.NoError(b, err)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, err := Parse(hello)
		require.NoError(b, err)
	}
}

func BenchmarkParseHex(b *testing.B) {
	written := Of(nil).Hex()
	b.ReportAllocs()
	for b.Loop() {
		_, err := ParseHex(written)
		require.NoError(b, err)
	}
}
