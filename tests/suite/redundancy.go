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

// sixShards looks at what a PUT leaves: a shard on each data service, together half as much again as
// the object.
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
	Eventually(t, 30*time.Second, func() error { // a data service that is late to say what it has is sent more
		body := NewBody(Stripe)
		_, files, _ := s.PutShards(t, body)
		s.Put(t, NewName(), body)
		if now := s.ShardFiles(body); now != files {
			return fmt.Errorf("equal content is not stored once, but in %v and then in %v", files, now)
		}
		return nil
	})
}

func sizesAroundStripes(t *testing.T, s *Store) {
	for _, size := range []int{0, 1, 2, 3, 4, 5, Stripe/4 - 1, Stripe / 4, Stripe/4 + 1, Stripe - 1, Stripe, Stripe + 1, 3*Stripe + 17} {
		name, body := NewName(), NewBody(size)
		s.Put(t, name, body)
		s.RequireObject(t, name, body)
	}
}

// putRepairs puts content again of which shards are missing.
func putRepairs(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	body := NewBody(Stripe + 1)
	_, files, contents := s.PutShards(t, body)
	for _, file := range files[:3] {
		require.NoError(t, os.Remove(file))
		for _, p := range s.Cluster.Data {
			s.SendWith(t, http.MethodPost, p.URL()+"/objects/"+filepath.Base(file), nil, nil) // who had it forgets it
		}
	}
	s.RequireLocated(t, body, 3)
	s.Put(t, NewName(), body)
	s.RequireWhole(t, body, contents)
}

// putHealsRottenShards puts content again of which more shards have rotted than can be made up for, and
// nobody has noticed yet.
func putHealsRottenShards(t *testing.T, s *Store) {
	s.NeedProcesses(t)
	body := NewBody(1000)
	name, files, contents := s.PutShards(t, body)
	for _, i := range []int{0, 1, 4} {
		flip(t, files[i], 100)
	}
	again := NewName()
	Eventually(t, recoveryPatience, func() error { // of one that is late to say what it has, nothing is healed
		s.Put(t, again, body)
		return s.hasFiles(body, contents)
	})
	s.RequireObject(t, again, body)
	s.RequireObject(t, name, body)
}
