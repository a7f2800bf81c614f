package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
)

// Layout of an object in chapter 5; package rs documents it.
const (
	Shards     = 6
	DataShards = 4
	Stripe     = 512 << 10 // bytes of an object
)

// RepairTimeout is how long a repair may take on a busy machine. Shards that a GET did not need are
// checked in the background.
const RepairTimeout = time.Minute

// ShardFile returns the path of a shard of an object below a STORE_ROOT, whether or not it exists.
func ShardFile(root string, body []byte, shard int) string {
	return filepath.Join(root, "objects", fmt.Sprintf("%s.%d", hash.Of(body).Hex(), shard))
}

// ShardFiles returns the paths of an object's shards by number, "" for a missing one.
func (s *Store) ShardFiles(body []byte) (files [Shards]string) {
	for _, p := range s.Cluster.Data {
		for i := range files {
			file := ShardFile(p.Root, body, i)
			if _, err := os.Stat(file); err == nil {
				files[i] = file // two API services may have repaired it to two places
			}
		}
	}
	return files
}

// CheckShards returns nil if all shards of an object are on disk with the wanted contents and can
// be located.
func (s *Store) CheckShards(ctx context.Context, body []byte, want [Shards][]byte) error {
	if err := s.checkShardFiles(body, want); err != nil {
		return err
	}
	places, err := s.Located(ctx, body)
	if err == nil && len(places) < Shards {
		err = fmt.Errorf("%d shards are located", len(places))
	}
	return err
}

// checkShardFiles is CheckShards without locate.
func (s *Store) checkShardFiles(body []byte, want [Shards][]byte) error {
	for i, file := range s.ShardFiles(body) {
		if file == "" {
			return fmt.Errorf("shard %d is missing", i)
		}
		now, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, want[i]) {
			return fmt.Errorf("shard %d differs", i)
		}
	}
	return nil
}

// RequireShards waits until CheckShards returns nil.
func (s *Store) RequireShards(t *testing.T, body []byte, want [Shards][]byte) {
	t.Helper()
	Eventually(t, RepairTimeout, func() error { return s.CheckShards(t.Context(), body, want) })
}

// rereadEvery is how long a repair may take before the object is read again: a GET that finds a data service
// slow reads another shard instead, and sees no damage.
const rereadEvery = 5 * time.Second

// RequireRepaired reads an object until CheckShards returns nil.
func (s *Store) RequireRepaired(t *testing.T, name string, body []byte, want [Shards][]byte) {
	t.Helper()
	require.NoError(t, s.AwaitRepair(t.Context(), name, body, want))
}

// AwaitRepair is RequireRepaired for other goroutines.
func (s *Store) AwaitRepair(ctx context.Context, name string, body []byte, want [Shards][]byte) (err error) {
	var read time.Time
	for start := time.Now(); time.Since(start) < RepairTimeout; {
		if time.Since(read) > rereadEvery {
			read = time.Now()
			if err := s.TryGet(ctx, s.API[0], name, body); err != nil {
				return err
			}
		}
		if err = s.CheckShards(ctx, body, want); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond) // between two polls
	}
	return fmt.Errorf("not repaired within %v: %w", RepairTimeout, err)
}

// PutSix puts a body until it has six shards: five are enough for an answer, if a data service is slow.
func (s *Store) PutSix(t *testing.T, name string, body []byte) {
	t.Helper()
	Eventually(t, RepairTimeout, func() error {
		s.Put(t, name, body)
		places, err := s.Located(t.Context(), body)
		if err == nil && len(places) < Shards {
			err = fmt.Errorf("%d shards are located", len(places))
		}
		return err
	})
}

// PutShards puts a body and returns the paths and contents of its shards.
func (s *Store) PutShards(t *testing.T, body []byte) (name string, files [Shards]string, contents [Shards][]byte) {
	t.Helper()
	name = NewName()
	s.PutSix(t, name, body)
	files = s.ShardFiles(body)
	for i, file := range files {
		require.NotEmpty(t, file, "shard %d", i)
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		contents[i] = content
	}
	return name, files, contents
}

// Located returns the address of the data service that holds each shard, by shard number.
func (s *Store) Located(ctx context.Context, body []byte) (places map[string]string, err error) {
	got, err := s.Do(ctx, http.MethodGet, s.API[0]+"/locate/"+url.PathEscape(hash.Of(body).String()), nil)
	if err != nil || got.Status == http.StatusNotFound {
		return nil, err
	}
	if got.Status != http.StatusOK {
		return nil, fmt.Errorf("locate: %d %s", got.Status, got.Body)
	}
	return places, json.Unmarshal(got.Body, &places)
}

// RequireLocated waits until locate finds n shards, and returns their addresses: a data service may
// answer late.
func (s *Store) RequireLocated(t *testing.T, body []byte, n int) (places map[string]string) {
	t.Helper()
	Eventually(t, recoveryTimeout, func() (err error) {
		if places, err = s.Located(t.Context(), body); err == nil && len(places) != n {
			err = fmt.Errorf("want %d shards located, have %v", n, places)
		}
		return err
	})
	return places
}

// AwaitSix waits until new objects are spread over six data services. A restarted one is used after
// its first heartbeat.
func (s *Store) AwaitSix(t *testing.T) {
	t.Helper()
	Eventually(t, 2*recoveryTimeout, func() error {
		body, holders := NewBody(10), map[string]bool{}
		if err := s.TryPut(t.Context(), s.API[0], NewName(), body); err != nil {
			return err
		}
		places, err := s.Located(t.Context(), body)
		if err != nil {
			return err
		}
		for _, address := range places {
			holders[address] = true
		}
		if len(holders) != Shards {
			return fmt.Errorf("spread over %d data services", len(holders))
		}
		return nil
	})
}
