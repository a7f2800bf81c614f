package fault

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/fault/gate"
	"gostore/tests/suite"
)

// ResumeTests lists the tests of what chapter 6 adds.
func ResumeTests() []suite.Test {
	return []suite.Test{
		{Name: "RangeNeedsItsStripes", Run: rangeNeedsItsStripes},
		{Name: "APIServiceKilledInMidPatch", Run: apiServiceKilledInMidPatch, Needs: suite.Exclusive},
		{Name: "DataServicesGoneInMidUpload", Run: dataServicesGoneInMidUpload, Needs: suite.Exclusive},
		{Name: "FrozenPartStaysOut", Run: frozenPartStaysOut, Needs: suite.Exclusive},
		{Name: "LargeUpload", Run: largeUpload, Needs: suite.Exclusive},
	}
}

// rangeNeedsItsStripes gets single bytes out of a large object. Data services send the stripes that have
// them and nothing else, and connections stay usable.
func rangeNeedsItsStripes(t *testing.T, s *suite.Store) {
	const objectSize, ranges = 40 << 20, 20
	s, gates := behindGates(t, s)
	name, body := suite.NewName(), s.NewBody(objectSize)
	s.PutSix(t, name, body) // a sixth that is missing would be repaired, which reads all of it
	connectionsBefore, bytesBefore := traffic(gates)
	for i := range ranges {
		at := 7 + i*objectSize/ranges
		header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", at, at)}}
		got, err := s.DoWith(t.Context(), http.MethodGet, suite.ObjectURL(s.API[0], name), header, nil)
		require.NoError(t, err)
		require.Equal(t, body[at:at+1], got.Body)
	}
	connections, bytes := traffic(gates)
	require.Less(t, bytes-bytesBefore, int64(ranges*suite.Stripe*5/4))
	require.Less(t, connections-connectionsBefore, ranges) // a data service that is slow has its request cut off
}

func traffic(gates []*gate.Gate) (connections int, bytes int64) {
	for _, g := range gates {
		c, b := g.Traffic()
		connections, bytes = connections+c, bytes+b
	}
	return connections, bytes
}

// beginPatch sends the header of a PATCH of all the rest of an upload, and the bytes of it up to a
// position, and waits until data services have blocks of them. The returned function ends it.
func beginPatch(t *testing.T, s *suite.Store, api string, u suite.Upload, from, to int) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, api+u.ID, reader)
	require.NoError(t, err)
	request.ContentLength = int64(len(u.Body) - from)
	request.Header = suite.PatchHeader(from)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := s.HTTP.Do(request); err == nil {
			_ = response.Body.Close() // what becomes of it is seen elsewhere
		}
	}()
	_, err = writer.Write(u.Body[from:to])
	require.NoError(t, err)
	s.AwaitBlocks(t, u)
	return func() { cancel(); _ = writer.Close(); <-ended }
}

// apiServiceKilledInMidPatch goes on through the other API service.
func apiServiceKilledInMidPatch(t *testing.T, s *suite.Store) {
	u := s.BeginUpload(t, s.NewBody(20<<20))
	s.RequirePatch(t, s.API[1], u, 0, 1_000_000)
	for _, sent := range []int{9 << 20, 12 << 20} {
		from := s.Offset(t, s.API[1], u)
		end := beginPatch(t, s, s.API[0], u, from, sent)
		s.Cluster.API[0].Kill()
		end()
		offset := s.Offset(t, s.API[1], u)
		require.GreaterOrEqual(t, offset, from, "an offset that was told stays")
		require.LessOrEqual(t, offset, sent)
		require.NoError(t, s.Cluster.API[0].Resume())
		require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	}
	s.RequirePatch(t, s.API[0], u, s.Offset(t, s.API[0], u), len(u.Body))
	s.RequireUploaded(t, u)
}

// dataServicesGoneInMidUpload kills one data service, and then another: the upload goes on, and ends with
// as many shards as a PUT needs.
func dataServicesGoneInMidUpload(t *testing.T, s *suite.Store) {
	s.AwaitSix(t)
	u := s.BeginUpload(t, s.NewBody(5_000_000))
	s.RequirePatch(t, s.API[0], u, 0, 1_500_000)
	for i, to := range []int{2_500_000, 3_500_000} {
		s.Cluster.Data[i].Kill()
		var at int
		suite.Eventually(t, suite.RepairTimeout, func() (err error) {
			at, err = s.TryOffset(t, s.API[i], u)
			return err
		})
		require.Less(t, at, to)
		s.RequirePatch(t, s.API[i], u, at, to)
	}
	s.RequirePatch(t, s.API[0], u, 3_500_000, len(u.Body))
	s.RequireUploaded(t, u)
	suite.Eventually(t, suite.RepairTimeout, func() error {
		places, err := s.Located(t.Context(), u.Body)
		if err == nil && len(places) < suite.DataShards+1 {
			err = fmt.Errorf("%d shards", len(places))
		}
		return err
	})
}

// frozenPartStaysOut freezes a data service that has bytes which the client sends differently the second
// time, through another API service. When it wakes up, its bytes are not used.
func frozenPartStaysOut(t *testing.T, s *suite.Store) {
	s.AwaitSix(t)
	right := s.NewBody(6_000_000)
	u := s.BeginUpload(t, right)
	s.RequirePatch(t, s.API[1], u, 0, 1_000_000)
	wrong := u
	wrong.Body = append(bytes.Clone(right[:1_000_000]), s.NewBody(5_000_000)...)
	end := beginPatch(t, s, s.API[0], wrong, 1_000_000, 4_000_000)
	sleeper := s.Cluster.Data[2]
	require.NoError(t, sleeper.Freeze())
	s.Cluster.API[0].Kill()
	end()
	var at int
	suite.Eventually(t, suite.RepairTimeout, func() (err error) {
		at, err = s.TryOffset(t, s.API[1], u)
		return err
	})
	require.Equal(t, 1_000_000, at)
	s.RequirePatch(t, s.API[1], u, 1_000_000, 3_000_000)
	require.NoError(t, sleeper.Resume())
	require.NoError(t, s.Cluster.API[0].Resume())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	require.Equal(t, 3_000_000, s.Offset(t, s.API[0], u))
	s.RequirePatch(t, s.API[0], u, 3_000_000, len(right))
	s.RequireUploaded(t, u)
	// What a GET finds missing is repaired; then all is as after a PUT.
	files := s.ShardFiles(right)
	for _, file := range files[:2] {
		if file != "" {
			require.NoError(t, os.Remove(file))
		}
	}
	s.RequireObject(t, u.Name, right)
}

// largeUpload sends 10 GiB in pieces of 64 MiB. The resident memory of every process stays below 64 MiB.
func largeUpload(t *testing.T, s *suite.Store) {
	if !suite.IsLong() {
		t.Skip("long form only: it takes minutes and 15 GiB of disk")
	}
	s = s.Another(t, func(*cluster.Config) {})
	s.HTTP.Timeout = 0
	plain, sum := time.Now(), sumOf(t, stream())
	putLarge(t, s, suite.NewName(), sum)
	put := time.Since(plain)
	name, start, body := suite.NewName(), time.Now(), bufio.NewReaderSize(stream(), 1<<20)
	header := http.Header{"Tus-Resumable": {"1.0.0"}, "Upload-Length": {fmt.Sprint(large)}, "Digest": {"SHA-256=" + sum}}
	begun, err := s.DoWith(t.Context(), http.MethodPost, suite.ObjectURL(s.API[0], name), header, nil)
	require.NoError(t, err)
	for at := int64(0); at < large; at += 64 << 20 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.API[at>>26&1]+begun.Header.Get("Location"), io.LimitReader(body, 64<<20))
		require.NoError(t, err)
		request.Header = suite.PatchHeader(int(at))
		response, err := s.HTTP.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusNoContent, response.StatusCode)
	}
	t.Logf("10 GiB: a PUT with its hash computed first took %v, the upload %v", put, time.Since(start))
	requireLittleMemory(t, s, "an upload")
	require.Equal(t, sum, getLarge(t, s, name))
}
