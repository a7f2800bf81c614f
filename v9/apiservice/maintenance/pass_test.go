package maintenance

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/rs"
	"gostore/common/es"
	"gostore/common/hash"
	stats "gostore/common/metrics"
	"gostore/tests/fault/gate"
	"gostore/tests/stack"
)

const contents = 1_000_000

// BenchmarkPass looks for orphans among a million contents: Elasticsearch has a version of each, and the data
// services lists without files. It prints how many requests to Elasticsearch a thousand contents take, and how
// much the heap grows.
func BenchmarkPass(b *testing.B) {
	hashes := make([]hash.Hash, contents)
	for i := range hashes {
		hashes[i] = hash.Of(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	slices.SortFunc(hashes, func(x, y hash.Hash) int { return bytes.Compare(x[:], y[:]) })
	var requests atomic.Int64
	m := &Maintainer{versions: NewVersions(newMetadata(b, hashes, &requests), nil), streams: objectstream.NewClient(nil)}
	for b.Loop() {
		w := &walk{streams: m.streams, clocks: map[string]string{}, whole: true}
		for shard := range rs.Shards {
			w.clocks[newLister(b, hashes, shard)] = ""
		}
		requests.Store(0)
		grown := heapGrowth(b)
		orphans, err := m.orphans(b.Context(), w)
		require.NoError(b, err)
		require.Empty(b, orphans)
		require.EqualValues(b, contents, m.report.Contents)
		b.ReportMetric(grown(), "MiB")
		b.ReportMetric(float64(requests.Load())*1000/contents, "requests/1000")
	}
}

// newLister starts a data service that has a shard of each content, and returns its address.
func newLister(b *testing.B, hashes []hash.Hash, shard int) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		first := sort.Search(contents, func(i int) bool { return rs.Name(hashes[i], shard) > after })
		w.Header().Set("Clock", "now")
		for _, h := range hashes[first:min(first+listSize, contents)] {
			_, _ = fmt.Fprintln(w, rs.Name(h, shard)) // the client notices
		}
	}))
	b.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// newMetadata returns a client whose requests are counted. Each content has a version of a name of its own.
func newMetadata(b *testing.B, hashes []hash.Hash, requests *atomic.Int64) *es.Client {
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	servers, err := stack.Acquire(ctx, stack.Request{Ways: stack.ForTests(), Log: func(line string) { b.Log(line) }})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, servers.Close(context.Background())) })
	server := servers.URLs().Elasticsearch
	address, set := gate.HTTP(b, server)
	set(func(*http.Request, string) (int, string) { requests.Add(1); return 0, "" })
	index := fmt.Sprint("pass-", time.Now().UnixNano())
	client, err := es.New(es.Config{URL: address, Index: index, MaxAge: "30d", MaxSize: "20gb"}, stats.New(), slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	b.Cleanup(func() {
		client.Close()
		require.NoError(b, stack.DeleteIndices(server, index))
	})
	_, err = client.Add(b.Context(), es.Metadata{Name: "first"})
	require.NoError(b, err)
	for some := range slices.Chunk(hashes, 5000) {
		var bulk strings.Builder
		for _, h := range some {
			fmt.Fprintf(&bulk, "{\"create\":{\"_id\":\"%s_1\"}}\n{\"name\":\"%s\",\"version\":1,\"size\":1,\"hash\":\"%s\"}\n", h.Hex(), h.Hex(), h)
		}
		answer, err := http.Post(address+"/"+index+"/_bulk", "application/x-ndjson", strings.NewReader(bulk.String()))
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, answer.Body) // nothing is done with it
		require.NoError(b, answer.Body.Close())
		require.Equal(b, http.StatusOK, answer.StatusCode)
	}
	return client
}

// heapGrowth returns a function that tells by how many MiB the heap has grown at most since the call.
func heapGrowth(b *testing.B) func() float64 {
	heap := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	first := heap()
	most, stop, stopped := first, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				most = max(most, heap())
			}
		}
	}()
	return func() float64 {
		close(stop)
		<-stopped
		return float64(most-first) / (1 << 20)
	}
}
