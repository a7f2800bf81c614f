package suite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kept are the objects that were acknowledged, by name. Each is put once.
type kept struct {
	mu     sync.Mutex
	bodies map[string][]byte
	names  []string
}

func (k *kept) add(name string, body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bodies[name] = body
	k.names = append(k.names, name)
}

// any returns one of them, or "".
func (k *kept) any() (name string, body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.names) == 0 {
		return "", nil
	}
	name = k.names[rand.IntN(len(k.names))]
	return name, k.bodies[name]
}

// mixedLoadUnderFaults has clients put and get while data services are killed and started again, shards
// rot, and the servers behind are restarted. What was acknowledged is there in the end, whole, and no
// GET that ended cleanly ever gave anything else.
func mixedLoadUnderFaults(t *testing.T, s *Store) {
	duration := 8 * time.Second
	if isLong() {
		duration = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	objects := &kept{bodies: map[string][]byte{}}
	wrong := make(chan error, 8)
	var working sync.WaitGroup
	for i := range 4 {
		working.Go(func() { wrong <- s.putAndGet(ctx, s.api[i%len(s.api)], objects) })
	}
	working.Go(func() { wrong <- s.killAndStart(ctx) })
	working.Go(func() { wrong <- s.rot(ctx, t, objects) })
	s.restartServers(ctx, t)
	working.Wait()
	close(wrong)
	for err := range wrong {
		require.NoError(t, err)
	}
	t.Logf("%d objects", len(objects.names))
	require.NotEmpty(t, objects.names)
	for name, body := range objects.bodies {
		eventually(t, 2*recoveryPatience, func() error { return s.tryGet(t.Context(), s.api[0], name, body) })
	}
	for _, body := range objects.bodies {
		eventually(t, time.Minute, func() error { return s.hasSixShards(body) })
	}
}

// putAndGet works until ctx is done. Requests may be refused; an answer of 200 must be right.
func (s *Store) putAndGet(ctx context.Context, api string, objects *kept) error {
	for ctx.Err() == nil {
		name, body := newName(), newBody(rand.IntN(2*stripe))
		if s.tryPut(ctx, api, name, body) == nil {
			objects.add(name, body)
		}
		name, body = objects.any()
		if name == "" {
			continue
		}
		got, err := s.do(ctx, "GET", objectURL(api, name), nil)
		if err == nil && (got.status == 404 || got.status == 200 && string(got.body) != string(body)) {
			return fmt.Errorf("GET %s: %d, %d bytes that are not the %d that were put", name, got.status, len(got.body), len(body))
		}
	}
	return nil
}

// killAndStart has one data service after the other down for a second: never more than two at a time.
func (s *Store) killAndStart(ctx context.Context) error {
	for i := 0; ctx.Err() == nil; i++ {
		one, other := s.cluster.Data[i%dataServices], s.cluster.Data[(i+2)%dataServices]
		one.Kill()
		pause(ctx, 500*time.Millisecond)
		other.Kill()
		pause(ctx, 500*time.Millisecond)
		if err := one.Start(); err != nil {
			return err
		}
		if err := other.Start(); err != nil {
			return err
		}
		pause(ctx, time.Second)
	}
	return nil
}

// rot damages two shards of an object that has all six, in one way or another, and waits until they
// are right again.
func (s *Store) rot(ctx context.Context, t *testing.T, objects *kept) error {
	for ctx.Err() == nil {
		pause(ctx, 100*time.Millisecond)
		name, body := objects.any()
		if name == "" || s.hasSixShards(body) != nil {
			continue
		}
		files := s.shardFiles(t, body)
		first := rand.IntN(shards)
		for i, file := range []string{files[first], files[(first+1+rand.IntN(shards-1))%shards]} {
			if err := damageFile(file, i+rand.IntN(2)); err != nil {
				return err
			}
		}
		for ctx.Err() == nil && s.hasSixShards(body) != nil {
			_ = s.tryGet(ctx, s.api[0], name, body) // so that it is found; whether it is right others look
			pause(ctx, 50*time.Millisecond)
		}
	}
	return nil
}

func damageFile(file string, way int) error {
	switch way {
	case 0:
		return os.Remove(file)
	case 1:
		return os.Truncate(file, 0)
	}
	return os.WriteFile(file, []byte("rotten"), 0o644)
}

// hasSixShards returns nil if all shards of an object are on disk with as many bytes as they should.
func (s *Store) hasSixShards(body []byte) error {
	sizes := map[int64]int{}
	for _, p := range s.storing() {
		for i := range shards {
			if info, err := os.Stat(shardFile(p.Root, body, i)); err == nil {
				sizes[info.Size()] |= 1 << i
			}
		}
	}
	for _, there := range sizes {
		if there == 1<<shards-1 {
			return nil
		}
	}
	return fmt.Errorf("shards by size: %v", sizes)
}

// restartServers restarts the broker and Elasticsearch in the middle of it all.
func (s *Store) restartServers(ctx context.Context, t *testing.T) {
	pause(ctx, 2*time.Second)
	inject(t, s.servers.StopBroker(t.Context()))
	require.NoError(t, s.servers.StartBroker(t.Context()))
	pause(ctx, 2*time.Second)
	require.NoError(t, s.servers.StopElasticsearch(t.Context()))
	require.NoError(t, s.servers.StartElasticsearch(t.Context()))
}

// pause lets time pass between faults, in which the load goes on.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
