package suite

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
)

// exercise is something that a chapter cannot do yet, left to readers: docs/vN.md says what and why.
// It fails; tests/docs sees to it that it does. Whoever has solved one moves it to tests.go.
type exercise struct {
	name    string
	chapter int
	run     func(t *testing.T, s *Store)
}

func exercises() []exercise {
	return []exercise{
		{"DeleteRemovesFile", 1, deleteRemovesFile},
		{"CreateOnly", 1, createOnly},
		{"FilesDifferInMoreThanCase", 1, filesDifferInMoreThanCase},
		{"NoPutInDoubt", 2, noPutInDoubt},
		{"FirstPutsAtOnce", 2, firstPutsAtOnce},
		{"ListsDataServices", 2, listsDataServices},
		{"PutIfVersion", 3, putIfVersion},
		{"NotModified", 3, notModified},
		{"VersionsOfPrefix", 3, versionsOfPrefix},
		{"PutHealsRot", 4, putHealsRot},
		{"RotIsFoundUnread", 4, rotIsFoundUnread},
		{"EqualContentAtOnceIsOneFile", 4, equalContentAtOnceIsOneFile},
		{"UploadsAreBounded", 4, uploadsAreBounded},
		{"PutHealsRottenShards", 5, putHealsRottenShards},
		{"SpreadAgain", 5, spreadAgain},
		{"SlowServiceDelaysNobody", 5, slowServiceDelaysNobody},
		{"LossIsFoundUnread", 5, lossIsFoundUnread},
	}
}

func runExercises(t *testing.T, s *Store, chapter int) {
	for _, e := range exercises() {
		if e.chapter == chapter {
			t.Run(e.name, func(t *testing.T) { e.run(t, s.withProcesses(t)) })
		}
	}
}

// scanInterval is what services that look by themselves are told in the environment.
const scanInterval = "SCAN_INTERVAL=1s"

// restartWith has processes run again with one setting more.
func (s *Store) restartWith(t *testing.T, processes []*cluster.Process, setting string) {
	t.Helper()
	for _, p := range processes {
		require.NoError(t, p.Stop())
		p.Env = append(p.Env, setting)
		require.NoError(t, p.Start())
	}
	require.NoError(t, s.cluster.AwaitHealthy(t.Context()))
}

// atOnce sends a request n times at the same time, the i-th with its own body, to all API services in
// turn.
func (s *Store) atOnce(t *testing.T, n int, name string, header http.Header, bodies [][]byte) (statuses map[int][]int) {
	t.Helper()
	answers, errs := make([]answer, n), make([]error, n)
	var sending sync.WaitGroup
	for i := range n {
		sending.Go(func() {
			own := header.Clone()
			own.Set("Digest", digest(bodies[i]))
			answers[i], errs[i] = s.doWith(t.Context(), http.MethodPut, objectURL(s.api[i%len(s.api)], name), own, bodies[i])
		})
	}
	sending.Wait()
	statuses = map[int][]int{}
	for i := range n {
		require.NoError(t, errs[i])
		statuses[answers[i].status] = append(statuses[answers[i].status], i)
	}
	return statuses
}

func newBodies(n int) (bodies [][]byte) {
	for range n {
		bodies = append(bodies, newBody(1000))
	}
	return bodies
}

func deleteRemovesFile(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	got := s.send(t, http.MethodDelete, objectURL(s.api[0], name), nil)
	require.Equal(t, http.StatusNoContent, got.status, "%s", got.body)
	s.requireFiles(t, 0, body[:beginning])
	requireError(t, http.StatusNotFound, s.get(t, name))
	requireError(t, http.StatusNotFound, s.send(t, http.MethodDelete, objectURL(s.api[0], name), nil))
	s.restartAll(t)
	requireError(t, http.StatusNotFound, s.get(t, name))
}

func createOnly(t *testing.T, s *Store) {
	name, bodies := newName(), newBodies(16)
	statuses := s.atOnce(t, 16, name, http.Header{"If-None-Match": {"*"}}, bodies)
	require.Len(t, statuses[http.StatusOK], 1, "of 16 at once one is first: %v", statuses)
	require.Len(t, statuses[http.StatusPreconditionFailed], 15, "%v", statuses)
	s.requireObject(t, name, bodies[statuses[http.StatusOK][0]])
}

func filesDifferInMoreThanCase(t *testing.T, s *Store) {
	names := []string{"case-a", "case-A", "CASE-a", "case-%61", "case-ä", "case-Ä"}
	for _, name := range names {
		s.put(t, name, []byte(name))
	}
	files, err := filepath.Glob(filepath.Join(s.storing()[0].Root, "objects", "*"))
	require.NoError(t, err)
	for i, file := range files {
		for _, other := range files[:i] {
			require.False(t, strings.EqualFold(file, other), "one file where case is ignored: %s and %s", filepath.Base(file), filepath.Base(other))
		}
	}
	for _, name := range names {
		s.requireObject(t, name, []byte(name))
	}
}

// noPutInDoubt puts objects again whose holder has died a moment ago.
func noPutInDoubt(t *testing.T, s *Store) {
	victim := s.cluster.Data[0]
	var held []string
	for len(held) < 6 {
		name, body := newName(), newBody(100)
		s.put(t, name, body)
		if s.whereIs(t, name, body) == victim.Address {
			held = append(held, name)
		}
	}
	victim.Kill()
	statuses := make([]int, len(held))
	var putting sync.WaitGroup
	for i, name := range held {
		putting.Go(func() {
			if got, err := s.do(t.Context(), http.MethodPut, objectURL(s.api[0], name), newBody(100)); err == nil {
				statuses[i] = got.status
			}
		})
	}
	putting.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusServiceUnavailable, status, "who is not sure must not write: %v", statuses)
	}
}

func firstPutsAtOnce(t *testing.T, s *Store) {
	for range 50 {
		name, body := newName(), newBody(1000)
		statuses := s.atOnce(t, 2, name, http.Header{}, [][]byte{body, body})
		require.Len(t, statuses[http.StatusOK], 2)
		s.requireFiles(t, 1, body[:beginning])
	}
}

func listsDataServices(t *testing.T, s *Store) {
	url := s.api[0] + "/dataservices"
	require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, url, nil).status)
	require.JSONEq(t, addressesOf(s.cluster.Data), string(s.send(t, http.MethodGet, url, nil).body))
	s.cluster.Data[5].Kill()
	eventually(t, 2*recoveryPatience, func() error {
		if got := s.send(t, http.MethodGet, url, nil); strings.TrimSpace(string(got.body)) != addressesOf(s.cluster.Data[:5]) {
			return fmt.Errorf("one is dead: %s", got.body)
		}
		return nil
	})
}

func addressesOf(processes []*cluster.Process) string {
	var list []string
	for _, p := range processes {
		list = append(list, fmt.Sprintf("%q", p.Address))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func putIfVersion(t *testing.T, s *Store) {
	name, body, bodies := newName(), newBody(1000), newBodies(16)
	s.put(t, name, body)
	statuses := s.atOnce(t, 16, name, http.Header{"If-Match": {`"` + hash.Of(body).String() + `"`}}, bodies)
	require.Len(t, statuses[http.StatusOK], 1, "of 16 at once one finds the version that it has seen: %v", statuses)
	require.Len(t, statuses[http.StatusPreconditionFailed], 15, "%v", statuses)
	require.Len(t, s.versionsOf(t, name), 2)
	s.requireObject(t, name, bodies[statuses[http.StatusOK][0]])
}

func notModified(t *testing.T, s *Store) {
	name, body := newName(), newBody(1000)
	s.put(t, name, body)
	for _, p := range s.cluster.Data {
		p.Kill() // nobody needs to be asked
	}
	tag := `"` + hash.Of(body).String() + `"`
	got := s.sendWith(t, http.MethodGet, objectURL(s.api[0], name), http.Header{"If-None-Match": {tag}}, nil)
	require.Equal(t, http.StatusNotModified, got.status, "%s", got.body)
	require.Empty(t, got.body)
	require.Equal(t, tag, got.header.Get("ETag"))
}

func versionsOfPrefix(t *testing.T, s *Store) {
	prefix := newName()
	for _, end := range []string{"/a", "/b*", "-c", "*"} {
		s.put(t, prefix+end, []byte(end))
	}
	s.put(t, newName(), []byte("another"))
	for sub, want := range map[string]int{"": 4, "/": 2, "/b": 1, "*": 1, "?": 0} {
		got := s.send(t, http.MethodGet, s.api[0]+"/versions/?prefix="+strings.NewReplacer("*", "%2A", "?", "%3F", "/", "%2F").Replace(prefix+sub), nil)
		require.Equal(t, want, strings.Count(string(got.body), "\n"), "%q: %d %s", sub, got.status, got.body)
	}
}

func putHealsRot(t *testing.T, s *Store) {
	name, again, body := newName(), newName(), newBody(1000)
	s.put(t, name, body)
	flip(t, s.requireFiles(t, 1, body[:beginning])[0], 500)
	s.put(t, again, body)
	s.requireObject(t, again, body)
	s.requireObject(t, name, body)
}

func rotIsFoundUnread(t *testing.T, s *Store) {
	s.restartWith(t, s.cluster.Data, scanInterval)
	body := newBody(1000)
	s.put(t, newName(), body)
	file := s.requireFiles(t, 1, body[:beginning])[0]
	flip(t, file, 500)
	aside := filepath.Join(s.ownerOf(t, file).Root, "rotten", filepath.Base(file))
	eventually(t, 10*time.Second, func() error { _, err := os.Stat(aside); return err })
}

func equalContentAtOnceIsOneFile(t *testing.T, s *Store) {
	for range 50 {
		body := newBody(100_000)
		errs := make([]error, len(s.api))
		var putting sync.WaitGroup
		for i, api := range s.api {
			putting.Go(func() { errs[i] = s.tryPut(t.Context(), api, newName(), body) })
		}
		putting.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		s.requireFiles(t, 1, body[:beginning])
	}
}

func uploadsAreBounded(t *testing.T, s *Store) {
	temp := s.cluster.Data[0].URL() + "/temp/"
	refused := 0
	for range 2000 {
		got := s.sendWith(t, http.MethodPost, temp+hash.Of(newBody(8)).Hex(), http.Header{"Size": {"1000"}}, nil)
		if got.status == http.StatusServiceUnavailable {
			refused++
		}
	}
	require.NotZero(t, refused, "2000 uploads, and as many open files")
	s.put(t, newName(), newBody(1000))
}

func putHealsRottenShards(t *testing.T, s *Store) {
	s.awaitSix(t)
	body := newBody(1000)
	name, files, _ := s.putShards(t, body)
	for _, i := range []int{0, 1, 4} {
		flip(t, files[i], 100)
	}
	again := newName()
	s.put(t, again, body)
	s.requireObject(t, again, body)
	s.requireObject(t, name, body)
}

// spreadAgain puts an object while two data services are away, so that others hold two shards each.
func spreadAgain(t *testing.T, s *Store) {
	s.cluster.Data[0].Kill()
	s.cluster.Data[1].Kill()
	name, body := newName(), newBody(1000)
	eventually(t, 2*recoveryPatience, func() error { return s.tryPut(t.Context(), s.api[0], name, body) })
	require.Len(t, s.located(t, body), shards)
	require.NoError(t, s.cluster.Data[0].Start())
	require.NoError(t, s.cluster.Data[1].Start())
	s.awaitSix(t)
	s.requireObject(t, name, body)
	eventually(t, repairPatience, func() error {
		holders := map[string]bool{}
		for _, address := range s.located(t, body) {
			holders[address] = true
		}
		if len(holders) != shards {
			return fmt.Errorf("all are back, and %d hold the six shards", len(holders))
		}
		return nil
	})
}

// slowServiceDelaysNobody freezes two data services that an object is being read from. More than once:
// one whose answer to a locate is late is not read from at all.
func slowServiceDelaysNobody(t *testing.T, s *Store) {
	for range 3 {
		s.awaitSix(t)
		s.readWhileTwoFreeze(t)
	}
}

func (s *Store) readWhileTwoFreeze(t *testing.T) {
	t.Helper()
	name, body := newName(), newBody(64<<20)
	s.put(t, name, body)
	response, err := s.http.Get(objectURL(s.api[0], name))
	require.NoError(t, err)
	defer response.Body.Close() // read to its end
	_, err = io.CopyN(io.Discard, response.Body, 1<<20)
	require.NoError(t, err)
	files := s.shardFiles(t, body)
	for _, file := range files[:2] {
		holder := s.ownerOf(t, file)
		require.NoError(t, holder.Freeze())
		defer func() { require.NoError(t, holder.Thaw()) }()
	}
	start := time.Now()
	n, err := io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.EqualValues(t, 63<<20, n)
	require.Less(t, time.Since(start), 2*time.Second, "waited for one that does not answer")
}

func lossIsFoundUnread(t *testing.T, s *Store) {
	s.restartWith(t, s.cluster.API, scanInterval)
	s.awaitSix(t)
	body := newBody(1000)
	_, files, contents := s.putShards(t, body)
	s.lose(t, files[3])
	eventually(t, 10*time.Second, func() error { _, err := os.Stat(files[3]); return err })
	s.requireWhole(t, body, contents)
}
