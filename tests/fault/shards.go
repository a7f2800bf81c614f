package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/suite"
)

// headerSize is how many bytes of a shard file come before the first block.
const headerSize = 56

// lose removes a shard from the disk, behind the data service's back.
func lose(t *testing.T, file string) {
	t.Helper()
	require.NoError(t, os.Remove(file))
}

// flip changes a bit of a file.
func flip(file string, at int) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() // what was written is in the kernel
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, int64(at)); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, int64(at))
	return err
}

// twoShardsGone deletes every two of the six shards: the object is read all the same, and they are
// made again.
func twoShardsGone(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(2*suite.Stripe + 1000)
	name, files, contents := s.PutShards(t, body)
	for _, two := range pairs() {
		lose(t, files[two[0]])
		lose(t, files[two[1]])
		s.RequireObject(t, name, body)
		s.RequireWhole(t, body, contents)
		files = s.ShardFiles(body)
	}
}

// pairs lists every two of the shards.
func pairs() (list [][2]int) {
	for i := range suite.Shards {
		for k := range i {
			list = append(list, [2]int{k, i})
		}
	}
	return list
}

// threeShardsGone has too few shards: an error, and never a wrong byte; and the object again when
// somebody puts it.
func threeShardsGone(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	for _, size := range []int{100_000, 2*suite.Stripe + 1000} {
		body := suite.NewBody(size)
		name, files, contents := s.PutShards(t, body)
		for _, file := range files[1:4] {
			lose(t, file)
		}
		requireNoByte(t, s, name, body)
		suite.Eventually(t, suite.RepairPatience, func() error { return isGone(t, s, name) })
		s.Put(t, suite.NewName(), body)
		s.RequireObject(t, name, body)
		s.RequireWhole(t, body, contents)
	}
}

// smallObjectNeedsOneShard deletes all shards of a small object but one that has all of it, and then just
// those.
func smallObjectNeedsOneShard(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(1000)
	name, files, contents := s.PutShards(t, body)
	for _, kept := range []int{0, 4, 5} {
		for i, file := range files {
			if i != kept {
				lose(t, file)
			}
		}
		s.RequireObject(t, name, body)
		s.RequireWhole(t, body, contents)
		files = s.ShardFiles(body)
	}
	for _, i := range []int{0, 4, 5} {
		lose(t, files[i])
	}
	requireNoByte(t, s, name, body)
}

// requireNoByte checks that an object is not to be had: an error in one line, or, where the beginning
// could be read, an answer that breaks off; and no wrong byte.
func requireNoByte(t *testing.T, s *suite.Store, name string, body []byte) {
	t.Helper()
	for range 3 {
		got, err := s.Do(t.Context(), http.MethodGet, suite.ObjectURL(s.API[0], name), nil)
		if err == nil {
			suite.RequireError(t, http.StatusServiceUnavailable, got)
		} else {
			require.True(t, bytes.HasPrefix(body, got.Body), "%v: a wrong byte", err)
		}
	}
}

// isGone returns nil if an object is answered with one line and 503.
func isGone(t *testing.T, s *suite.Store, name string) error {
	t.Helper()
	got, err := s.Do(t.Context(), http.MethodGet, suite.ObjectURL(s.API[0], name), nil)
	if err != nil {
		return err
	}
	suite.RequireError(t, http.StatusServiceUnavailable, got)
	require.NotEmpty(t, got.Header.Get("Retry-After"))
	return nil
}

// threeShardsRotten has one stripe that cannot be read: no byte of it, and none is thrown away of what
// may yet be of use. When a disk gives back what it had, the object is there.
func threeShardsRotten(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	for _, size := range []int{100_000, 3 * suite.Stripe} {
		body := suite.NewBody(size)
		name, files, contents := s.PutShards(t, body)
		for _, file := range files[2:5] {
			require.NoError(t, flip(file, headerSize+10))
		}
		requireNoByte(t, s, name, body)
		for _, file := range files[2:5] {
			require.NoError(t, flip(file, headerSize+10))
		}
		s.RequireObject(t, name, body)
		s.RequireWhole(t, body, contents)
	}
}

// threeShardsReturn has three disks lose a shard each, and find it again.
func threeShardsReturn(t *testing.T, s *suite.Store) {
	s.AwaitSix(t)
	body := suite.NewBody(suite.Stripe + 1000)
	name, files, contents := s.PutShards(t, body)
	for _, file := range files[:3] {
		require.NoError(t, os.Rename(file, file+".away"))
	}
	requireNoByte(t, s, name, body)
	require.NoError(t, isGone(t, s, name))
	for _, file := range files[:3] {
		require.NoError(t, os.Rename(file+".away", file))
		restart(t, s.OwnerOf(t, file)) // that is when a data service looks what it has
	}
	suite.Eventually(t, 2*suite.RepairPatience, func() error { return s.TryGet(t.Context(), s.API[0], name, body) })
	s.RequireWhole(t, body, contents)
}

func restart(t *testing.T, p *cluster.Process) {
	t.Helper()
	require.NoError(t, p.Stop())
	require.NoError(t, p.Start())
	require.NoError(t, p.AwaitHealthy(t.Context()))
}

// everyByteOfEveryTwoShards flips a byte of each of two shards of a small object: any byte of any two
// shards, in the long form, and a sample in the short one. The object is read all the same, and both are
// right again soon: within two seconds, but for one in a thousand, since now and then all of them wait
// at the same moment, probably for the disk.
func everyByteOfEveryTwoShards(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	took, errs := make([][]time.Duration, len(pairs())), make([]error, len(pairs()))
	var working sync.WaitGroup
	for i, two := range pairs() {
		o := &small{store: s, two: two, body: suite.NewBody(8)} // fewer bytes might be those of another object
		o.name, o.files, o.contents = s.PutShards(t, o.body)
		working.Go(func() { took[i], errs[i] = o.flipAll(t.Context()) })
	}
	working.Wait()
	require.NoError(t, errors.Join(errs...))
	all := slices.Concat(took...)
	slices.Sort(all)
	most := all[len(all)-1-len(all)/1000]
	t.Logf("all but a thousandth of %d repairs were seen within %v, the slowest after %v", len(all), most, all[len(all)-1])
	if suite.IsLong() {
		require.Less(t, most, 2*time.Second)
	}
}

// small is an object of which two shards are flipped.
type small struct {
	store    *suite.Store
	two      [2]int
	name     string
	body     []byte
	files    [suite.Shards]string
	contents [suite.Shards][]byte
}

// flipAll returns how long each repair took.
func (o *small) flipAll(ctx context.Context) (took []time.Duration, err error) {
	for _, two := range places(len(o.contents[0])) {
		repaired, err := o.flipTwo(ctx, two[0], two[1])
		if err != nil {
			return nil, err
		}
		took = append(took, repaired)
	}
	return took, nil
}

// places are a byte of each of two files of size bytes: six times any, or all there are in the long form.
func places(size int) (list [][2]int) {
	if !suite.IsLong() {
		for range 6 {
			list = append(list, [2]int{rand.IntN(size), rand.IntN(size)})
		}
		return list
	}
	for first := range size {
		for second := range size {
			list = append(list, [2]int{first, second})
		}
	}
	return list
}

// flipTwo flips a byte of each shard and waits until both are right again.
func (o *small) flipTwo(ctx context.Context, first, second int) (took time.Duration, err error) {
	what := fmt.Sprintf("byte %d of shard %d and byte %d of shard %d", first, o.two[0], second, o.two[1])
	if err := errors.Join(flip(o.files[o.two[0]], first), flip(o.files[o.two[1]], second)); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if err := o.store.TryGet(ctx, o.store.API[0], o.name, o.body); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	for start := time.Now(); time.Since(start) < suite.RepairPatience; {
		if err = o.store.IsWhole(ctx, o.body, o.contents); err == nil {
			o.files = o.store.ShardFiles(o.body)
			return time.Since(start), nil
		}
		time.Sleep(2 * time.Millisecond) // between two polls
	}
	return 0, fmt.Errorf("%s: not repaired within %v: %w", what, suite.RepairPatience, err)
}

// damagedShards damages two shards of an object of several stripes in every way: it is read all the
// same, and they are right again.
func damagedShards(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(3*suite.Stripe + 5)
	name, files, contents := s.PutShards(t, body)
	list := damages()
	for i, first := range list {
		for _, two := range somePairs() {
			second := list[(i+two[0])%len(list)]
			t.Logf("shard %d: %s; shard %d: %s", two[0], first.name, two[1], second.name)
			require.NoError(t, errors.Join(first.do(files[two[0]]), second.do(files[two[1]])))
			s.RequireObject(t, name, body)
			s.RequireWhole(t, body, contents)
			files = s.ShardFiles(body)
		}
	}
}

// somePairs is three of them at random, and all in the long form.
func somePairs() [][2]int {
	list := pairs()
	if suite.IsLong() {
		return list
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:3]
}

// damage is what can become of a shard file.
type damage struct {
	name string
	of   func(content []byte) []byte // nil if the file is gone
}

func damages() []damage {
	flipped := func(at func(size int) int) func([]byte) []byte {
		return func(content []byte) []byte {
			content[min(at(len(content)), len(content)-1)] ^= 1
			return content
		}
	}
	return []damage{
		{"gone", func([]byte) []byte { return nil }},
		{"flipped in the header", flipped(func(int) int { return rand.IntN(headerSize) })},
		{"flipped after the header", flipped(func(int) int { return headerSize })},
		{"flipped in a checksum", flipped(func(int) int { return headerSize + suite.Stripe/suite.DataShards })},
		{"flipped at the end", flipped(func(size int) int { return size - 1 })},
		{"flipped", flipped(rand.IntN)},
		{"cut short", func(content []byte) []byte { return content[:rand.IntN(len(content))] }},
		{"a byte too short", func(content []byte) []byte { return content[:len(content)-1] }},
		{"emptied", func([]byte) []byte { return []byte{} }},
		{"a byte too long", func(content []byte) []byte { return append(content, 0) }},
		{"made of zeros", func(content []byte) []byte { return make([]byte, len(content)) }},
	}
}

func (d damage) do(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	content = d.of(content)
	if content == nil {
		return os.Remove(file)
	}
	return os.WriteFile(file, content, 0o644)
}

// rotInDifferentStripes has three rotten shards, and no stripe with more than one rotten block: the
// object can be read, and nothing that repair does may change that.
func rotInDifferentStripes(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(3 * suite.Stripe)
	name, files, _ := s.PutShards(t, body)
	for i, file := range files[:3] {
		require.NoError(t, flip(file, 100+i*(suite.Stripe/suite.DataShards+4)))
	}
	for start := time.Now(); time.Since(start) < 2*time.Second; {
		s.RequireObject(t, name, body)
		time.Sleep(10 * time.Millisecond) // between two rounds
	}
}
