package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// bookBlock is how many bytes of a shard the book's code sends in one request.
const bookBlock = 8000

// BenchmarkSendShards measures the cost of sending an object's six shards over HTTP and nothing
// else: with one request per block, one after the other, as the book's code does, or with one
// request per shard, as chapter 5 does. Figures are in bytes of the object.
func BenchmarkSendShards(b *testing.B) {
	const size = 1 << 20
	shard := make([]byte, shardSize(size))
	for name, piece := range map[string]int{"block-by-block": bookBlock, "in-one": len(shard)} {
		b.Run(name, func(b *testing.B) {
			l := &limits{server: httptest.NewServer(http.HandlerFunc(discardBody)), http: &http.Client{Transport: newTransport()}}
			defer l.close()
			b.SetBytes(size)
			for b.Loop() {
				for rest := shard; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
					for range allShards {
						require.NoError(b, l.exchange(rest[:min(piece, len(rest))]))
					}
				}
			}
		})
	}
}
