package suite

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sixShards checks that a PUT leaves one shard on each data service, in total 1.5 times the
// object's size.
func sixShards(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	body := NewBody(1 << 20)
	name, files, contents := s.PutShards(t, body)
	places := s.RequireLocated(t, body, Shards)
	owners, total := map[string]bool{}, 0
	for i, file := range files {
		owner := s.OwnerOf(t, file)
		owners[owner.Name] = true
		total += len(contents[i])
		require.Equal(t, owner.Address, places[fmt.Sprint(i)])
	}
	require.Len(t, owners, Shards)
	require.InDelta(t, 1.5*(1<<20), total, 1000)
	s.RequireObject(t, name, body)
	Eventually(t, 30*time.Second, func() error { // a data service that answers locate late is sent another copy
		body := NewBody(Stripe)
		_, files, _ := s.PutShards(t, body)
		s.Put(t, NewName(), body)
		if now := s.ShardFiles(body); now != files {
			return fmt.Errorf("equal content is not stored once, but in %v and then in %v", files, now)
		}
		return nil
	})
}

// equalContentMeetsAsShards puts one content ten times concurrently: it is six shard files.
func equalContentMeetsAsShards(t *testing.T, s *Store) { requireEqualContentMeets(t, s, Shards) }

func sizesAroundStripes(t *testing.T, s *Store) {
	for _, size := range []int{0, 1, 2, 3, 4, 5, Stripe/4 - 1, Stripe / 4, Stripe/4 + 1, Stripe - 1, Stripe, Stripe + 1, 3*Stripe + 17} {
		name, body := NewName(), NewBody(size)
		s.Put(t, name, body)
		s.RequireObject(t, name, body)
	}
}

// putRepairs puts content again after three of its shards were deleted.
func putRepairs(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	body := NewBody(Stripe + 1)
	_, files, contents := s.PutShards(t, body)
	for _, file := range files[:3] {
		require.NoError(t, os.Remove(file))
		for _, p := range s.Cluster.Data {
			s.SendWith(t, http.MethodPost, p.URL()+"/objects/"+filepath.Base(file), nil, nil) // have its holder drop it from its index
		}
	}
	s.RequireLocated(t, body, 3)
	s.Put(t, NewName(), body)
	s.RequireShards(t, body, contents)
}

// putRepairsCorruptShards puts content again after more of its shards were corrupted than parity
// can restore, before a read finds out.
func putRepairsCorruptShards(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	body := NewBody(1000)
	name, files, contents := s.PutShards(t, body)
	for _, i := range []int{0, 1, 4} {
		flip(t, files[i], 100)
	}
	again := NewName()
	Eventually(t, recoveryTimeout, func() error { // a shard whose holder answers late is not repaired by this PUT
		s.Put(t, again, body)
		return s.checkShardFiles(body, contents)
	})
	s.RequireObject(t, again, body)
	s.RequireObject(t, name, body)
}
