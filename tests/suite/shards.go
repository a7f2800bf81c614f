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

// What chapter 5 makes of an object; package rs says more.
const (
	Shards     = 6
	DataShards = 4
	Stripe     = 512 << 10 // bytes of an object
)

// RepairPatience is how long a repair may take on a machine that is busy with other tests: shards that
// a GET did not need are looked at by and by.
const RepairPatience = time.Minute

// ShardFile is where a data service keeps a shard of an object, if it does, below its STORE_ROOT.
func ShardFile(root string, body []byte, shard int) string {
	return filepath.Join(root, "objects", fmt.Sprintf("%s.%d", hash.Of(body).Hex(), shard))
}

// ShardFiles returns the files of an object's shards, by number; "" for what is not there.
func (s *Store) ShardFiles(body []byte) (files [Shards]string) {
	for _, p := range s.Cluster.Data {
		for i := range files {
			file := ShardFile(p.Root, body, i)
			if _, err := os.Stat(file); err == nil {
				files[i] = file // after a repair by two API services there may be two
			}
		}
	}
	return files
}

// IsWhole returns nil if all shards of an object are there, as they were, and can be located.
func (s *Store) IsWhole(ctx context.Context, body []byte, were [Shards][]byte) error {
	if err := s.hasFiles(body, were); err != nil {
		return err
	}
	places, err := s.Located(ctx, body)
	if err == nil && len(places) < Shards {
		err = fmt.Errorf("%d shards are located", len(places))
	}
	return err
}

// hasFiles looks at the disk alone.
func (s *Store) hasFiles(body []byte, were [Shards][]byte) error {
	for i, file := range s.ShardFiles(body) {
		if file == "" {
			return fmt.Errorf("shard %d is not there", i)
		}
		now, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, were[i]) {
			return fmt.Errorf("shard %d is not as it was", i)
		}
	}
	return nil
}

// RequireWhole waits until all shards of an object are there, as they were.
func (s *Store) RequireWhole(t *testing.T, body []byte, were [Shards][]byte) {
	t.Helper()
	Eventually(t, RepairPatience, func() error { return s.IsWhole(t.Context(), body, were) })
}

// PutShards puts a body and returns its shards' files and what is in them.
func (s *Store) PutShards(t *testing.T, body []byte) (name string, files [Shards]string, contents [Shards][]byte) {
	t.Helper()
	name = NewName()
	s.Put(t, name, body)
	files = s.ShardFiles(body)
	for i, file := range files {
		require.NotEmpty(t, file, "shard %d", i)
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		contents[i] = content
	}
	return name, files, contents
}

// Located asks who holds each shard.
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

// RequireLocated waits until n shards are known to be held, and returns by whom: a data service may be late to say
// what it has.
func (s *Store) RequireLocated(t *testing.T, body []byte, n int) (places map[string]string) {
	t.Helper()
	Eventually(t, recoveryPatience, func() (err error) {
		if places, err = s.Located(t.Context(), body); err == nil && len(places) != n {
			err = fmt.Errorf("not %d shards are known, but these: %v", n, places)
		}
		return err
	})
	return places
}

// AwaitSix waits until new objects are spread over six data services: after one has been restarted it
// takes a heartbeat.
func (s *Store) AwaitSix(t *testing.T) {
	t.Helper()
	Eventually(t, 2*recoveryPatience, func() error {
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
