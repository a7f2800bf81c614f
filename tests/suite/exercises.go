package suite

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
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

// exercises lists tests of what chapters leave to readers; docs/vN.md says what and why. Each
// fails, which tests/docs checks. A solved exercise moves to tests.go.
func exercises() []Test {
	return []Test{
		{"DeleteRemovesFile", only(1), deleteRemovesFile, Exclusive},
		{"CreateOnly", only(1), createOnly, Exclusive},
		{"FilesDifferInMoreThanCase", only(1), filesDifferInMoreThanCase, Exclusive},
		{"NoPutInDoubt", only(2), noPutInDoubt, Exclusive},
		{"FirstPutsAtOnce", only(2), firstPutsAtOnce, Exclusive},
		{"ListsDataServices", only(2), listsDataServices, Exclusive},
		{"PutIfVersion", only(3), putIfVersion, Exclusive},
		{"NotModified", only(3), notModified, Exclusive},
		{"VersionsOfPrefix", only(3), versionsOfPrefix, Exclusive},
		{"CorruptFileIsFoundUnread", only(4), corruptFileIsFoundUnread, Exclusive},
		{"UploadsAreBounded", only(4), uploadsAreBounded, Exclusive},
		{"SpreadAgain", only(5), spreadAgain, Exclusive},
		{"MissingShardIsFoundUnread", only(5), missingShardIsFoundUnread, Exclusive},
		{"SeveralRanges", only(6), severalRanges, Exclusive},
		{"ChecksumOfPatch", only(6), checksumOfPatch, Exclusive},
		{"Concatenation", only(6), concatenation, Exclusive},
		{"DictionaryForSmallObjects", only(7), dictionaryForSmallObjects, Exclusive},
		{"CompressedAsItLies", only(7), compressedAsItLies, Exclusive},
		{"KeepVersionsByAge", only(8), keepVersionsByAge, Exclusive},
		{"TrashIsEmptiedByHand", only(8), trashIsEmptiedByHand, Exclusive},
		{"ScrubsInParallel", only(8), scrubsInParallel, Exclusive},
		{"SmallGetsWithoutBroker", only(9), smallGetsWithoutBroker, Exclusive},
		{"HedgedRead", only(9), hedgedRead, Exclusive},
	}
}

// only is the capability of one chapter.
func only(chapter int) capability { return capability{since: chapter, until: chapter} }

// scanInterval is the setting for services that check their files in the background.
const scanInterval = "SCAN_INTERVAL=1s"

// restartWith restarts processes with an additional setting.
func (s *Store) restartWith(t *testing.T, processes []*cluster.Process, setting string) {
	t.Helper()
	for _, p := range processes {
		require.NoError(t, p.Stop())
		p.Env = append(p.Env, setting)
		require.NoError(t, p.Start())
	}
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
}

// putConcurrently sends n PUTs of a name at the same time, the i-th with bodies[i], to the API
// services in turn. It returns the indices of the PUTs by status.
func (s *Store) putConcurrently(t *testing.T, n int, name string, header http.Header, bodies [][]byte) (statuses map[int][]int) {
	t.Helper()
	answers, errs := make([]Answer, n), make([]error, n)
	var sending sync.WaitGroup
	for i := range n {
		sending.Go(func() {
			own := header.Clone()
			own.Set("Digest", digest(bodies[i]))
			answers[i], errs[i] = s.DoWith(t.Context(), http.MethodPut, ObjectURL(s.API[i%len(s.API)], name), own, bodies[i])
		})
	}
	sending.Wait()
	statuses = map[int][]int{}
	for i := range n {
		require.NoError(t, errs[i])
		statuses[answers[i].Status] = append(statuses[answers[i].Status], i)
	}
	return statuses
}

func newBodies(n int) (bodies [][]byte) {
	for range n {
		bodies = append(bodies, NewBody(1000))
	}
	return bodies
}

func deleteRemovesFile(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	got := s.Send(t, http.MethodDelete, ObjectURL(s.API[0], name), nil)
	require.Equal(t, http.StatusNoContent, got.Status, "%s", got.Body)
	s.RequireFiles(t, 0, body[:prefixLen])
	RequireError(t, http.StatusNotFound, s.Get(t, name))
	RequireError(t, http.StatusNotFound, s.Send(t, http.MethodDelete, ObjectURL(s.API[0], name), nil))
	s.restartAll(t)
	RequireError(t, http.StatusNotFound, s.Get(t, name))
}

func createOnly(t *testing.T, s *Store) {
	name, bodies := NewName(), newBodies(16)
	statuses := s.putConcurrently(t, 16, name, http.Header{"If-None-Match": {"*"}}, bodies)
	require.Len(t, statuses[http.StatusOK], 1, "one of 16 concurrent PUTs succeeds: %v", statuses)
	require.Len(t, statuses[http.StatusPreconditionFailed], 15, "%v", statuses)
	s.RequireObject(t, name, bodies[statuses[http.StatusOK][0]])
}

func filesDifferInMoreThanCase(t *testing.T, s *Store) {
	names := []string{"case-a", "case-A", "CASE-a", "case-%61", "case-ä", "case-Ä"}
	for _, name := range names {
		s.Put(t, name, []byte(name))
	}
	files, err := filepath.Glob(filepath.Join(s.storageProcesses()[0].Root, "objects", "*"))
	require.NoError(t, err)
	for i, file := range files {
		for _, other := range files[:i] {
			require.False(t, strings.EqualFold(file, other), "the same file where case is ignored: %s and %s", filepath.Base(file), filepath.Base(other))
		}
	}
	for _, name := range names {
		s.RequireObject(t, name, []byte(name))
	}
}

// noPutInDoubt overwrites objects just after their holder was killed.
func noPutInDoubt(t *testing.T, s *Store) {
	victim := s.Cluster.Data[0]
	var held []string
	for len(held) < 6 {
		name, body := NewName(), NewBody(100)
		s.Put(t, name, body)
		if s.holderOf(t, name, body) == victim.Address {
			held = append(held, name)
		}
	}
	victim.Kill()
	statuses := make([]int, len(held))
	var putting sync.WaitGroup
	for i, name := range held {
		putting.Go(func() {
			if got, err := s.Do(t.Context(), http.MethodPut, ObjectURL(s.API[0], name), NewBody(100)); err == nil {
				statuses[i] = got.Status
			}
		})
	}
	putting.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusServiceUnavailable, status, "no write while the holder is unknown: %v", statuses)
	}
}

func firstPutsAtOnce(t *testing.T, s *Store) {
	for range 50 {
		name, body := NewName(), NewBody(1000)
		statuses := s.putConcurrently(t, 2, name, http.Header{}, [][]byte{body, body})
		require.Len(t, statuses[http.StatusOK], 2)
		s.RequireFiles(t, 1, body[:prefixLen])
	}
}

func listsDataServices(t *testing.T, s *Store) {
	url := s.API[0] + "/dataservices"
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodGet, url, nil).Status)
	require.JSONEq(t, addressesOf(s.Cluster.Data), string(s.Send(t, http.MethodGet, url, nil).Body))
	s.Cluster.Data[5].Kill()
	Eventually(t, 2*recoveryTimeout, func() error {
		if got := s.Send(t, http.MethodGet, url, nil); strings.TrimSpace(string(got.Body)) != addressesOf(s.Cluster.Data[:5]) {
			return fmt.Errorf("a data service is down: %s", got.Body)
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
	name, body, bodies := NewName(), NewBody(1000), newBodies(16)
	s.Put(t, name, body)
	statuses := s.putConcurrently(t, 16, name, http.Header{"If-Match": {`"` + hash.Of(body).String() + `"`}}, bodies)
	require.Len(t, statuses[http.StatusOK], 1, "one of 16 concurrent PUTs succeeds: %v", statuses)
	require.Len(t, statuses[http.StatusPreconditionFailed], 15, "%v", statuses)
	require.Len(t, s.versionsOf(t, name), 2)
	s.RequireObject(t, name, bodies[statuses[http.StatusOK][0]])
}

func notModified(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	for _, p := range s.Cluster.Data {
		p.Kill() // no data service is needed
	}
	tag := `"` + hash.Of(body).String() + `"`
	got := s.SendWith(t, http.MethodGet, ObjectURL(s.API[0], name), http.Header{"If-None-Match": {tag}}, nil)
	require.Equal(t, http.StatusNotModified, got.Status, "%s", got.Body)
	require.Empty(t, got.Body)
	require.Equal(t, tag, got.Header.Get("ETag"))
}

func versionsOfPrefix(t *testing.T, s *Store) {
	prefix := NewName()
	for _, end := range []string{"/a", "/b*", "-c", "*"} {
		s.Put(t, prefix+end, []byte(end))
	}
	s.Put(t, NewName(), []byte("another"))
	for sub, want := range map[string]int{"": 4, "/": 2, "/b": 1, "*": 1, "?": 0} {
		got := s.Send(t, http.MethodGet, s.API[0]+"/versions/?prefix="+strings.NewReplacer("*", "%2A", "?", "%3F", "/", "%2F").Replace(prefix+sub), nil)
		require.Equal(t, want, strings.Count(string(got.Body), "\n"), "%q: %d %s", sub, got.Status, got.Body)
	}
}

// flip flips a bit of a file.
func flip(t *testing.T, file string, at int) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	content[at] ^= 1
	require.NoError(t, os.WriteFile(file, content, 0o644))
}

func corruptFileIsFoundUnread(t *testing.T, s *Store) {
	s.restartWith(t, s.Cluster.Data, scanInterval)
	body := NewBody(1000)
	s.Put(t, NewName(), body)
	file := s.RequireFiles(t, 1, body[:prefixLen])[0]
	flip(t, file, 500)
	quarantined := filepath.Join(s.OwnerOf(t, file).Root, "quarantine", filepath.Base(file))
	Eventually(t, 10*time.Second, func() error { _, err := os.Stat(quarantined); return err })
}

func uploadsAreBounded(t *testing.T, s *Store) {
	temp := s.Cluster.Data[0].URL() + "/temp/"
	refused := 0
	for range 2000 {
		got := s.SendWith(t, http.MethodPost, temp+hash.Of(NewBody(8)).Hex(), http.Header{"Size": {"1000"}}, nil)
		if got.Status == http.StatusServiceUnavailable {
			refused++
		}
	}
	require.NotZero(t, refused, "2000 uploads are 2000 open files")
	s.Put(t, NewName(), NewBody(1000))
}

// spreadAgain puts an object while two data services are down, so that others hold two shards each.
func spreadAgain(t *testing.T, s *Store) {
	s.Cluster.Data[0].Kill()
	s.Cluster.Data[1].Kill()
	name, body := NewName(), NewBody(1000)
	Eventually(t, 2*recoveryTimeout, func() error { return s.TryPut(t.Context(), s.API[0], name, body) })
	s.RequireLocated(t, body, Shards)
	require.NoError(t, s.Cluster.Data[0].Start())
	require.NoError(t, s.Cluster.Data[1].Start())
	s.AwaitSix(t)
	s.RequireObject(t, name, body)
	Eventually(t, 10*time.Second, func() error {
		places, err := s.Located(t.Context(), body)
		if err != nil {
			return err
		}
		holders := map[string]bool{}
		for _, address := range places {
			holders[address] = true
		}
		if len(holders) != Shards {
			return fmt.Errorf("all are up, but only %d hold shards", len(holders))
		}
		return nil
	})
}

func missingShardIsFoundUnread(t *testing.T, s *Store) {
	s.restartWith(t, s.Cluster.API, scanInterval)
	s.AwaitSix(t)
	body := NewBody(1000)
	_, files, contents := s.PutShards(t, body)
	require.NoError(t, os.Remove(files[3]))
	Eventually(t, 10*time.Second, func() error { _, err := os.Stat(files[3]); return err })
	s.RequireShards(t, body, contents)
}

func severalRanges(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1_000_000)
	s.Put(t, name, body)
	got := s.getRange(t, name, http.Header{"Range": {"bytes=0-1, 600000-600009,2000000-,-3"}})
	require.Equal(t, http.StatusPartialContent, got.Status)
	require.Equal(t, fmt.Sprint(len(got.Body)), got.Header.Get("Content-Length"))
	kind, parameters, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", kind)
	parts := multipart.NewReader(bytes.NewReader(got.Body), parameters["boundary"])
	for _, want := range [][2]int{{0, 2}, {600_000, 600_010}, {999_997, 1_000_000}} {
		part, err := parts.NextPart()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("bytes %d-%d/1000000", want[0], want[1]-1), part.Header.Get("Content-Range"))
		content, err := io.ReadAll(part)
		require.NoError(t, err)
		require.Equal(t, body[want[0]:want[1]], content)
	}
	_, err = parts.NextPart()
	require.ErrorIs(t, err, io.EOF, "a range beyond the end is left out")
	got = s.getRange(t, name, http.Header{"Range": {"bytes=" + strings.Repeat("0-,", 99) + "0-"}})
	require.Equal(t, http.StatusOK, got.Status, "no answer has more bytes than the object")
}

// checksumOfPatch is the extension checksum of tus.
func checksumOfPatch(t *testing.T, s *Store) {
	u := s.BeginUpload(t, NewBody(1_000_000))
	send := func(from, to int, checksum string) Answer {
		header := PatchHeader(from)
		header.Set("Upload-Checksum", checksum)
		return s.SendWith(t, http.MethodPatch, s.API[0]+u.ID, header, u.Body[from:to])
	}
	of := func(from, to int) string {
		sum := sha1.Sum(u.Body[from:to])
		return "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
	}
	require.Equal(t, http.StatusNoContent, send(0, 300_000, of(0, 300_000)).Status)
	for range 2 {
		RequireError(t, 460, send(300_000, 1_000_000, of(300_000, 999_999)))
		require.Equal(t, 300_000, s.Offset(t, s.API[1], u), "nothing of it is kept")
	}
	RequireError(t, http.StatusBadRequest, send(300_000, 1_000_000, "md4 AAAA"))
	require.Equal(t, http.StatusNoContent, send(300_000, 1_000_000, of(300_000, 1_000_000)).Status)
	s.RequireUploaded(t, u)
	options := s.SendWith(t, http.MethodOptions, s.API[0]+"/uploads/x", http.Header{}, nil).Header
	require.Contains(t, options.Get("Tus-Extension"), "checksum")
	require.Equal(t, "sha1", options.Get("Tus-Checksum-Algorithm"))
}

// concatenation is the extension of that name of tus: parts of an object come concurrently, as uploads
// that add no version.
func concatenation(t *testing.T, s *Store) {
	body := NewBody(3_000_000)
	first := s.BeginUpload(t, body[:1_300_000], "Upload-Concat", "partial")
	second := s.BeginUpload(t, body[1_300_000:], "Upload-Concat", "partial")
	s.RequirePatch(t, s.API[0], second, 0, len(second.Body))
	s.RequirePatch(t, s.API[1], first, 0, len(first.Body))
	name := NewName()
	finish := func(concat string) Answer {
		return s.SendWith(t, http.MethodPost, ObjectURL(s.API[0], name), tus("Digest", digest(body), "Upload-Concat", concat), nil)
	}
	RequireError(t, http.StatusBadRequest, finish("final;"+second.ID+" "+first.ID))
	require.Equal(t, http.StatusNotFound, s.Get(t, name).Status, "that is another content")
	require.Equal(t, http.StatusCreated, finish("final;"+first.ID+" "+second.ID).Status)
	s.RequireObject(t, name, body)
	require.Equal(t, http.StatusNotFound, s.Get(t, first.Name).Status, "a partial upload is no object")
}

// dictionaryForSmallObjects puts lines of a log as objects of their own. Each is too short for an encoder
// to find repetitions in it. A shard file has a header of 56 bytes, a block with 4 bytes of checksum, and a
// table of 12.
func dictionaryForSmallObjects(t *testing.T, s *Store) {
	for range 20 {
		line, _, _ := bytes.Cut(NewText(1000), []byte("\n"))
		name, files, _ := s.PutShards(t, line)
		s.RequireObject(t, name, line)
		content, err := os.ReadFile(files[0])
		require.NoError(t, err)
		block := len(content) - 56 - 4 - 12
		require.Less(t, DataShards*block, len(line)*2/3, "%s", line)
	}
}

// compressedAsItLies sends an object as the zstd frames that are in its shards, to clients that take them.
func compressedAsItLies(t *testing.T, s *Store) {
	name, text := NewName(), NewText(2*Stripe+1000)
	s.Put(t, name, text)
	got, sent := s.accepting(t, http.MethodGet, name, "gzip, zstd")
	require.Equal(t, "zstd", got.Header.Get("Content-Encoding"))
	require.Contains(t, got.Header.Get("Vary"), "Accept-Encoding")
	require.NotEqual(t, `"`+hash.Of(text).String()+`"`, got.Header.Get("ETag"), "these are other bytes")
	require.EqualValues(t, len(sent), got.ContentLength)
	require.True(t, bytes.Equal(s.frames(t, text), sent), "%d bytes", len(sent))

	require.NoError(t, os.Remove(s.ShardFiles(text)[1]))
	_, sent = s.accepting(t, http.MethodGet, name, "zstd")
	require.True(t, bytes.Equal(s.frames(t, text), sent), "with parity")

	s.requirePlain(t, name, text, "zstd;q=0, gzip")
	s.requirePlain(t, name, text, "identity")
	random := s.NewBody(3 * Stripe)
	s.Put(t, name, random)
	s.requirePlain(t, name, random, "zstd")
	s.putDescribed(t, name, map[string]string{"Content-Encoding": "x-own"}, text)
	got, _ = s.accepting(t, http.MethodGet, name, "zstd")
	require.Equal(t, "x-own", got.Header.Get("Content-Encoding"), "it is the client's")
	require.EqualValues(t, len(text), got.ContentLength)
}

func (s *Store) requirePlain(t *testing.T, name string, want []byte, encoding string) {
	t.Helper()
	got, content := s.accepting(t, http.MethodGet, name, encoding)
	require.Empty(t, got.Header.Get("Content-Encoding"), encoding)
	require.True(t, bytes.Equal(want, content), encoding)
}

// frames returns the encoded stripes of an object one after the other, from its data shards.
func (s *Store) frames(t *testing.T, body []byte) (frames []byte) {
	t.Helper()
	var files [DataShards][]byte
	Eventually(t, RepairTimeout, func() (err error) {
		for i := range files {
			if files[i], err = os.ReadFile(s.ShardFiles(body)[i]); err != nil {
				return err
			}
		}
		return nil
	})
	at, stripes := 56, (len(body)+Stripe-1)/Stripe
	table := files[0][len(files[0])-8*stripes-4:]
	for n := range stripes {
		length := int(binary.BigEndian.Uint32(table[8*n:]) &^ (1 << 31))
		block := (length + DataShards - 1) / DataShards
		var stripe []byte
		for _, file := range files {
			stripe = append(stripe, file[at:at+block]...)
		}
		frames = append(frames, stripe[:length]...)
		at += block + 4
	}
	return frames
}

// keepVersionsByAge keeps versions for three seconds after they were replaced, and the newest for good.
func keepVersionsByAge(t *testing.T, s *Store) {
	const age = 3 * time.Second
	s = s.Collected(t, fmt.Sprint("KEEP_AGE=", age))
	name, deleted := NewName(), NewName()
	s.putVersions(t, deleted, 1)
	s.delete(t, deleted)
	bodies := s.putVersions(t, name, 3)
	Eventually(t, 10*age, func() error { return s.checkFirst(t, name, 3) })
	Eventually(t, 10*age, func() error { return s.checkFirst(t, deleted, 2) })
	s.putVersions(t, name, 1)
	require.NoError(t, s.checkFirst(t, name, 3), "it is old, but was replaced just now")
	Eventually(t, 10*age, func() error { return s.checkFirst(t, name, 4) })
	s.AwaitPasses(t, 2)
	s.requireVersions(t, name, 4, 4)
	for _, body := range bodies {
		s.RequireGone(t, body)
	}
}

// trashIsEmptiedByHand has removed content in trash/ of each STORE_ROOT until a client of the API empties it.
func trashIsEmptiedByHand(t *testing.T, s *Store) {
	other, s := s, s.Collected(t)
	s.Put(t, NewName(), NewBody(10))
	orphan := s.PutOrphan(t, other)
	s.RequireGone(t, orphan)
	require.Len(t, s.trash(t), Shards)
	s.AwaitPasses(t, 2)
	require.Len(t, s.trash(t), Shards, "it stays")
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodGet, s.API[0]+"/maintenance", nil).Status)
	got := s.Send(t, http.MethodDelete, s.API[0]+"/maintenance/trash", nil)
	require.Equal(t, http.StatusNoContent, got.Status, "%s", got.Body)
	require.Empty(t, s.trash(t))
}

// trash returns the files in trash/ of all data services.
func (s *Store) trash(t *testing.T) (all []string) {
	t.Helper()
	for _, p := range s.Cluster.Data {
		files, err := filepath.Glob(filepath.Join(p.Root, "trash", "*"))
		require.NoError(t, err)
		all = append(all, files...)
	}
	return all
}

// scrubsInParallel reads each data service's shards at SCAN_RATE, those of all six at the same time. The report is
// two seconds old at most.
func scrubsInParallel(t *testing.T, s *Store) {
	const rate = 1_000_000
	s = s.Maintained(t, "SCAN_INTERVAL=1s", fmt.Sprint("SCAN_RATE=", rate))
	s.AwaitSix(t)
	var files [Shards]string
	var contents [Shards][]byte
	total := int64(0)
	for range 4 {
		_, files, contents = s.PutShards(t, NewBody(1<<20))
		for _, content := range contents {
			total += int64(len(content))
		}
	}
	require.Greater(t, s.scanned(t, 4*total), 2.5*rate)
	require.Less(t, s.scanned(t, 12*total), 7.5*rate)
	flip(t, files[5], 1000)
	require.NoError(t, os.Remove(files[0]))
	Eventually(t, MaintenanceTimeout, func() error {
		for i, file := range files {
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(contents[i], got) {
				return fmt.Errorf("shard %d: %w", i, err)
			}
		}
		return nil
	})
}

// scanned returns how many bytes a second scans read while they read n.
func (s *Store) scanned(t *testing.T, n int64) float64 {
	t.Helper()
	start, first := time.Now(), int64(-1)
	last := s.AwaitMaintenance(t, func(m Maintenance) error {
		if first < 0 {
			start, first = time.Now(), m.Bytes
		}
		if m.Bytes < first+n {
			return fmt.Errorf("%d bytes of %d", m.Bytes-first, n)
		}
		return nil
	})
	return float64(last.Bytes-first) / time.Since(start).Seconds()
}

// smallGetsWithoutBroker gets a small object while the broker is down: nothing of such a GET needs it.
func smallGetsWithoutBroker(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(1000)
	s.Put(t, name, body)
	Inject(t, s.Servers.StopBroker(t.Context()))
	defer func() {
		require.NoError(t, s.Servers.StartBroker(t.Context()))
		s.RequireWorks(t, name, body)
	}()
	Eventually(t, recoveryTimeout, func() error {
		if err := s.TryPut(t.Context(), s.API[0], NewName(), body); err == nil {
			return errors.New("a PUT was acknowledged")
		}
		return nil
	})
	require.NoError(t, s.TryGet(t.Context(), s.API[0], name, body))
}

// hedgedRead has the data service frozen that is asked first, and waits no half second for it.
func hedgedRead(t *testing.T, s *Store) {
	name, body := NewName(), NewBody(100_000)
	_, files, _ := s.PutShards(t, body)
	s.Put(t, name, body)
	s.RequireObject(t, name, body)
	owner := s.OwnerOf(t, files[0])
	require.NoError(t, owner.Freeze())
	defer func() { require.NoError(t, owner.Thaw()) }()
	start := time.Now()
	s.RequireObject(t, name, body)
	require.Less(t, time.Since(start), 200*time.Millisecond)
}
