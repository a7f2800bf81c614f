package chapter9_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/tests/cluster"
	"gostore/tests/fault"
	"gostore/tests/suite"
)

// smallTests has objects of up to 1 MiB, which take the short way, and reasons to leave it.
func smallTests() []suite.Test {
	return []suite.Test{
		{Name: "SmallObjectTakesOneRequestAShard", Run: smallObjectTakesOneRequestAShard},
		{Name: "SmallObjectOfOtherEncoding", Run: smallObjectOfOtherEncoding},
		{Name: "SmallObjectForged", Run: smallObjectForged},
		{Name: "SmallObjectsElsewhere", Run: smallObjectsElsewhere, Needs: suite.Exclusive},
	}
}

// questions counts what data services are asked over the broker, by content.
type questions struct {
	mu    sync.Mutex
	asked map[string]int
}

func listen(t *testing.T, s *suite.Store) *questions {
	t.Helper()
	prefix := ""
	for _, setting := range s.Cluster.API[0].Env {
		if value, is := strings.CutPrefix(setting, "RABBITMQ_PREFIX="); is {
			prefix = value
		}
	}
	broker, err := rabbitmq.New(s.Servers.URLs().RabbitMQ, prefix, nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	q := &questions{asked: map[string]int{}}
	broker.Subscribe("dataServers", func(_ context.Context, m rabbitmq.Message) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.asked[string(m.Body)]++
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); broker.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	suite.Eventually(t, suite.RepairTimeout, func() error {
		body := suite.NewBody(10)
		if _, err := s.Located(t.Context(), body); err != nil {
			return err
		}
		return q.check(body, 1)
	})
	return q
}

func (q *questions) check(body []byte, want int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := q.asked[hash.Of(body).Hex()]; n != want {
		return fmt.Errorf("%d questions instead of %d", n, want)
	}
	return nil
}

// requests counts the requests for a content in the logs of data services, by method and first segment of the path.
func requests(t *testing.T, s *suite.Store, body []byte) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, p := range s.Cluster.Data {
		log, err := os.ReadFile(p.LogFile())
		require.NoError(t, err)
		for line := range strings.SplitSeq(string(log), "\n") {
			_, method, is := strings.Cut(line, "msg=request method=")
			if before, _, ours := strings.Cut(method, "/"+hash.Of(body).Hex()); is && ours {
				counts[before]++
			}
		}
	}
	return counts
}

// smallObjectTakesOneRequestAShard counts: a PUT is six requests, also one of content that is there, a GET is as many as
// data shards have something of the object, and nothing is asked over the broker. An object that is larger by a byte is located.
func smallObjectTakesOneRequestAShard(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	asked := listen(t, s)
	for size, gets := range map[int]int{1: 1, 4 << 10: 1, 4<<10 + 1: 2, 10_000: 3, 20_000: 4, suite.Stripe + 1: 4, 1 << 20: 4} {
		suite.Eventually(t, suite.RepairTimeout, func() error { // a data service that is late makes another way necessary
			name, body := suite.NewName(), suite.NewBody(max(size, 8))
			for _, step := range []struct {
				do   func()
				want map[string]int
			}{
				{func() { s.Put(t, name, body) }, map[string]int{"PUT path=/objects": 6}},
				{func() { s.Put(t, name, body) }, map[string]int{"PUT path=/objects": 12}},
				{func() { s.RequireObject(t, name, body) }, map[string]int{"PUT path=/objects": 12, "GET path=/objects": gets}},
			} {
				step.do()
				if err := within(time.Second, func() error { return equal(step.want, requests(t, s, body)) }); err != nil {
					return err
				}
			}
			return asked.check(body, 0)
		})
	}
	name, body := suite.NewName(), suite.NewBody(1<<20+1)
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
	require.Error(t, asked.check(body, 0))
}

func equal(want, have map[string]int) error {
	if fmt.Sprint(want) != fmt.Sprint(have) {
		return fmt.Errorf("requests: %v instead of %v", have, want)
	}
	return nil
}

// within waits until check returns nil, and returns its last error if it does not in time.
func within(timeout time.Duration, check func() error) (err error) {
	for start := time.Now(); time.Since(start) < timeout; time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return nil
		}
	}
	return err
}

// smallObjectOfOtherEncoding is otherEncoding for an object that takes the short way.
func smallObjectOfOtherEncoding(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	for _, size := range []int{100_000, suite.Stripe + 1000} {
		body := suite.NewText(size)
		raw := handmade(t, body, func(stripe []byte) ([]byte, uint32) { return stripe, 1<<31 | uint32(len(stripe)) })
		name, files, ours := s.PutShards(t, body)

		write(t, files, raw, 1, 4)
		s.RequireRepaired(t, name, body, ours)
		write(t, files, raw, 4)
		s.Put(t, name, body)
		s.RequireShards(t, body, ours)

		write(t, files, raw, 0, 1, 2, 3)
		require.NoError(t, os.Remove(files[4]))
		s.Put(t, name, body)
		s.RequireRepaired(t, name, body, raw)

		write(t, files, ours, 0, 1, 2)
		suite.RequireError(t, http.StatusServiceUnavailable, s.Get(t, name))
		s.Put(t, name, body)
		s.RequireRepaired(t, name, body, ours)
	}
}

// smallObjectForged has a shard whose checksums fit and whose blocks are of other content. A GET uses others, and a
// PUT, whose bytes are compared with it, replaces it.
func smallObjectForged(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(10_000)
	name, files, contents := s.PutShards(t, body)
	require.NoError(t, os.WriteFile(files[5], fault.Forge(contents[5]), 0o644))
	s.Put(t, suite.NewName(), body)
	s.RequireShards(t, body, contents)
	require.NoError(t, os.WriteFile(files[0], fault.Forge(contents[0]), 0o644))
	s.RequireRepaired(t, name, body, contents)
}

// smallObjectsElsewhere puts while a data service is down through an API service that knows it, and through one that has
// started since and computes other homes. When it is back, all can be read and put again through both.
func smallObjectsElsewhere(t *testing.T, s *suite.Store) {
	s = s.Another(t, func(*cluster.Config) {})
	s.AwaitSix(t)
	s.Cluster.Data[2].Kill()
	require.NoError(t, s.Cluster.API[1].Stop())
	require.NoError(t, s.Cluster.API[1].Start())
	require.NoError(t, s.Cluster.API[1].AwaitHealthy(t.Context()))
	bodies := map[string][]byte{}
	for i := range 20 {
		name, body := suite.NewName(), suite.NewBody(10_000)
		suite.Eventually(t, suite.RepairTimeout, func() error { return s.TryPut(t.Context(), s.API[i%2], name, body) })
		bodies[name] = body
	}
	require.NoError(t, s.Cluster.Data[2].Resume())
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	s.AwaitSix(t)
	for name, body := range bodies {
		for _, api := range s.API {
			require.NoError(t, s.TryGet(t.Context(), api, name, body))
			require.NoError(t, s.TryPut(t.Context(), api, name, body))
			require.NoError(t, s.TryGet(t.Context(), api, name, body))
		}
		s.RequireLocated(t, body, suite.Shards)
	}
}
