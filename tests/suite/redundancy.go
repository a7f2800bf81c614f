package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
)

const (
	shards         = 6
	repairPatience = 5 * time.Second
	stripe         = 256 << 10 // bytes of an object
)

// shardFiles returns the files of an object's shards, by number; "" for what is not there.
func (s *Store) shardFiles(t *testing.T, body []byte) (found [shards]string) {
	t.Helper()
	for i := range found {
		files, err := filepath.Glob(shardFile(filepath.Join(filepath.Dir(s.storing()[0].Root), "*"), body, i))
		require.NoError(t, err)
		if len(files) > 0 { // after a repair by two API services there may be two
			found[i] = files[0]
		}
	}
	return found
}

func shardFile(root string, body []byte, shard int) string {
	return filepath.Join(root, "objects", fmt.Sprintf("%s.%d", hash.Of(body).Hex(), shard))
}

// located asks who holds each shard.
func (s *Store) located(t *testing.T, body []byte) (places map[string]string) {
	t.Helper()
	got := s.send(t, http.MethodGet, s.api[0]+"/locate/"+url.PathEscape(hash.Of(body).String()), nil)
	if got.status == http.StatusNotFound {
		return nil
	}
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	require.NoError(t, json.Unmarshal(got.body, &places))
	return places
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return content
}

// requireWhole waits until all shards of an object are there, as they were, and those who hold them know
// it: a file is there a moment earlier.
func (s *Store) requireWhole(t *testing.T, body []byte, were [shards][]byte) {
	t.Helper()
	eventually(t, repairPatience, func() error {
		for i, file := range s.shardFiles(t, body) {
			if file == "" {
				return fmt.Errorf("shard %d is not there", i)
			}
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, were[i]) {
				return fmt.Errorf("shard %d is not as it was: %w", i, err)
			}
		}
		if places := s.located(t, body); len(places) != shards {
			return fmt.Errorf("located are %v", places)
		}
		return nil
	})
}

// putShards puts a body and returns its shards' files and what is in them.
func (s *Store) putShards(t *testing.T, body []byte) (name string, files [shards]string, contents [shards][]byte) {
	t.Helper()
	name = newName()
	s.put(t, name, body)
	files = s.shardFiles(t, body)
	for i, file := range files {
		require.NotEmpty(t, file, "shard %d", i)
		contents[i] = read(t, file)
	}
	return name, files, contents
}

// sixShards looks at what a PUT leaves: a shard on each data service, together half as much again as
// the object.
func sixShards(t *testing.T, s *Store) {
	s.needProcesses(t)
	body := newBody(1 << 20)
	name, files, contents := s.putShards(t, body)
	owners, total := map[string]bool{}, 0
	for i, file := range files {
		owner := s.ownerOf(t, file)
		owners[owner.Name] = true
		total += len(contents[i])
		require.Equal(t, owner.Address, s.located(t, body)[fmt.Sprint(i)])
	}
	require.Len(t, owners, shards)
	require.InDelta(t, 1.5*(1<<20), total, 1000)
	s.put(t, newName(), body)
	require.Equal(t, files, s.shardFiles(t, body), "equal content is stored once")
	s.requireObject(t, name, body)
}

// awaitSix waits until new objects are spread over six data services: after one has been restarted it
// takes a heartbeat.
func (s *Store) awaitSix(t *testing.T) {
	t.Helper()
	eventually(t, recoveryPatience, func() error {
		body, holders := newBody(10), map[string]bool{}
		s.put(t, newName(), body)
		for _, address := range s.located(t, body) {
			holders[address] = true
		}
		if len(holders) != shards {
			return fmt.Errorf("spread over %d data services", len(holders))
		}
		return nil
	})
}

func sizesAroundStripes(t *testing.T, s *Store) {
	for _, size := range []int{0, 1, 2, 3, 4, 5, stripe/4 - 1, stripe / 4, stripe/4 + 1, stripe - 1, stripe, stripe + 1, 3*stripe + 17} {
		name, body := newName(), newBody(size)
		s.put(t, name, body)
		s.requireObject(t, name, body)
	}
}

// twoShardsGone deletes every two of the six shards: the object is read all the same, and they are
// made again.
func twoShardsGone(t *testing.T, s *Store) {
	s.needProcesses(t)
	body := newBody(2*stripe + 1000)
	name, files, contents := s.putShards(t, body)
	for i := range shards {
		for k := range i {
			s.lose(t, files[i])
			s.lose(t, files[k])
			s.requireObject(t, name, body)
			s.requireWhole(t, body, contents)
			files = s.shardFiles(t, body)
		}
	}
}

// lose removes a shard from the disk, behind the data service's back.
func (s *Store) lose(t *testing.T, file string) {
	t.Helper()
	require.NoError(t, os.Remove(file))
}

// threeShardsGone has too few shards: an error, and never a wrong byte; and the object again when one
// of them is back.
func threeShardsGone(t *testing.T, s *Store) {
	s.needProcesses(t)
	for _, size := range []int{100, 2*stripe + 1000} {
		body := newBody(size)
		name, files, contents := s.putShards(t, body)
		for _, file := range files[1:4] {
			s.lose(t, file)
		}
		for range 2 {
			got, err := s.do(t.Context(), http.MethodGet, objectURL(s.api[0], name), nil)
			require.True(t, err != nil || got.status >= 500, "%d %.100s", got.status, got.body)
		}
		eventually(t, repairPatience, func() error { return s.isGone(t, name) })
		s.put(t, newName(), body)
		s.requireObject(t, name, body)
		s.requireWhole(t, body, contents)
	}
}

// isGone returns nil if an object is answered with one line and 503.
func (s *Store) isGone(t *testing.T, name string) error {
	got, err := s.do(t.Context(), http.MethodGet, objectURL(s.api[0], name), nil)
	if err != nil {
		return err
	}
	requireError(t, http.StatusServiceUnavailable, got)
	return nil
}

// rottenShards flips a byte of two shards at a time, at every place of a small object's, and at some
// of a larger one's.
func rottenShards(t *testing.T, s *Store) {
	s.needProcesses(t)
	body := newBody(5)
	name, files, contents := s.putShards(t, body)
	for at := range contents[0] {
		first, second := at%shards, (at+1+at/shards%(shards-1))%shards
		flip(t, files[first], at)
		flip(t, files[second], len(contents[0])-1-at)
		s.requireObject(t, name, body)
		s.requireWhole(t, body, contents)
		files = s.shardFiles(t, body)
	}
	body = newBody(3*stripe + 5)
	name, files, contents = s.putShards(t, body)
	for _, at := range []int{0, 55, 56, 100, stripe / 4, stripe/4 + 60, len(contents[0]) - 1} {
		for first := range shards {
			flip(t, files[first], at)
			flip(t, files[(first+at)%shards], len(contents[0])/2)
			s.requireObject(t, name, body)
			s.requireWhole(t, body, contents)
			files = s.shardFiles(t, body)
		}
	}
}

// rotInDifferentStripes has three rotten shards, and no stripe with more than one rotten block: the
// object can be read, and nothing that repair does may change that.
func rotInDifferentStripes(t *testing.T, s *Store) {
	s.needProcesses(t)
	body := newBody(3 * stripe)
	name, files, _ := s.putShards(t, body)
	for i, file := range files[:3] {
		flip(t, file, 100+i*(stripe/4+4))
	}
	for start := time.Now(); time.Since(start) < 2*time.Second; {
		s.requireObject(t, name, body)
	}
}

func flip(t *testing.T, file string, at int) {
	t.Helper()
	content := read(t, file)
	content[at] ^= 1
	require.NoError(t, os.WriteFile(file, content, 0o644))
}

// putRepairs puts content again of which shards are missing.
func putRepairs(t *testing.T, s *Store) {
	s.needProcesses(t)
	body := newBody(stripe + 1)
	_, files, contents := s.putShards(t, body)
	for _, file := range files[:3] {
		s.lose(t, file)
		for _, p := range s.cluster.Data {
			s.sendWith(t, http.MethodPost, p.URL()+"/objects/"+filepath.Base(file), nil, nil) // who had it forgets it
		}
	}
	require.Len(t, s.located(t, body), 3)
	s.put(t, newName(), body)
	s.requireWhole(t, body, contents)
}

// twoDataServicesGone kills two of the six: everything can be read and written, throughout.
func twoDataServicesGone(t *testing.T, s *Store) {
	s.awaitSix(t)
	bodies := map[string][]byte{}
	for i := range 20 {
		name, body := newName(), newBody(1000+i*stripe/4)
		s.put(t, name, body)
		bodies[name] = body
	}
	s.cluster.Data[1].Kill()
	require.NoError(t, s.cluster.Data[4].Freeze())
	require.NoError(t, s.getAll(t, bodies))
	name, body := newName(), newBody(stripe)
	eventually(t, 2*recoveryPatience, func() error { return s.tryPut(t.Context(), s.api[0], name, body) })
	s.requireObject(t, name, body)
	require.NoError(t, s.getAll(t, bodies))
	for _, p := range s.cluster.Data {
		require.NoError(t, p.Resume())
	}
	eventually(t, recoveryPatience, func() error { return s.getAll(t, bodies) })
}

// dataServiceKilledInMidPut kills a data service that a shard is on its way to.
func dataServiceKilledInMidPut(t *testing.T, s *Store) {
	s.awaitSix(t)
	name, body := newName(), newBody(8<<20)
	p := s.beginPut(t, s.api[0], name, body, len(body)/2)
	s.victim(t).Kill()
	p.write(t, body[len(body)/2:])
	got, err := p.answer(time.Minute)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	s.requireObject(t, name, body)
}

// dataServiceKilledInMidGet kills one data service and freezes another while an object is read.
func dataServiceKilledInMidGet(t *testing.T, s *Store) {
	s.awaitSix(t)
	name, body := newName(), newBody(64<<20)
	s.put(t, name, body)
	response, err := s.http.Get(objectURL(s.api[0], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	first := make([]byte, 1<<20)
	_, err = io.ReadFull(response.Body, first)
	require.NoError(t, err)
	s.cluster.Data[0].Kill()
	require.NoError(t, s.cluster.Data[3].Freeze())
	rest, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, s.cluster.Data[3].Thaw()))
	require.True(t, bytes.Equal(body, append(first, rest...)))
}

func (s *Store) victim(t *testing.T) *cluster.Process {
	t.Helper()
	var found string
	eventually(t, 5*time.Second, func() error {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(s.storing()[0].Root), "*", "temp", "*"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no upload is under way: %w", err)
		}
		found = files[0]
		return nil
	})
	return s.ownerOf(t, found)
}
