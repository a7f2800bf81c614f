package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
)

// MaintenanceTimeout is how long maintenance at its fastest may take for something on a busy machine.
const MaintenanceTimeout = time.Minute

// Maintenance is what GET /maintenance answers.
type Maintenance struct {
	Summary, Holder, Stopped, Cursor           string
	Passes, Contents, VersionsRemoved          int64
	OrphansRemoved, BytesFreed                 int64
	Scans, Shards, Bytes                       int64
	ScanBegan, ScanEnded                       time.Time
	Missing, Corrupt, Repaired, Surplus, Moved int64
	Lost                                       []Lost
}

// Lost is content that cannot be read any more, and who has it.
type Lost struct {
	Hash     string
	Versions []Version
}

// Maintained starts another store with settings of maintenance.
func (s *Store) Maintained(t *testing.T, settings ...string) *Store {
	t.Helper()
	return s.Another(t, func(cfg *cluster.Config) { cfg.Env = append(cfg.Env, settings...) })
}

// Collected starts another store that removes orphans soon. Of the age of six seconds a PUT may take half between
// its content and its version, which is enough unless the machine is very busy; passes follow one another closely.
// Settings replace those.
func (s *Store) Collected(t *testing.T, settings ...string) *Store {
	t.Helper()
	s = s.Maintained(t, append([]string{"ORPHAN_AGE=6s", "MAINTENANCE_FORCE=1000000"}, settings...)...)
	s.restartWith(t, s.Cluster.API, "ORPHAN_AGE=300ms")
	return s
}

// Maintenance returns the report of an API service.
func (s *Store) Maintenance(ctx context.Context, api string) (m Maintenance, err error) {
	got, err := s.Do(ctx, http.MethodGet, api+"/maintenance", nil)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("maintenance: %d %s", got.Status, got.Body)
	}
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(got.Body, &m)
}

// AwaitMaintenance waits until check returns nil for the report of an API service that answers.
func (s *Store) AwaitMaintenance(t *testing.T, check func(m Maintenance) error) (m Maintenance) {
	t.Helper()
	Eventually(t, MaintenanceTimeout, func() (err error) {
		for _, api := range slices.Backward(s.API) {
			if m, err = s.Maintenance(t.Context(), api); err == nil {
				return check(m)
			}
		}
		return err
	})
	return m
}

// AwaitPasses waits until passes have begun and ended that began after the call.
func (s *Store) AwaitPasses(t *testing.T, n int64) Maintenance {
	t.Helper()
	begun := int64(-1)
	return s.AwaitMaintenance(t, func(m Maintenance) error {
		if begun < 0 {
			begun = m.Passes + 1 // one may be under way
		}
		if m.Passes < begun+n {
			return fmt.Errorf("%d passes, want %d", m.Passes, begun+n)
		}
		return nil
	})
}

// RequireGone waits until no data service has a shard of a content.
func (s *Store) RequireGone(t *testing.T, body []byte) {
	t.Helper()
	Eventually(t, MaintenanceTimeout, func() error {
		if left := s.contentFiles(t, body); len(left) > 0 {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	})
}

// putVersions puts n versions of a name, through the API services in turn.
func (s *Store) putVersions(t *testing.T, name string, n int) (bodies [][]byte) {
	t.Helper()
	for i := range n {
		bodies = append(bodies, NewBody(100))
		require.NoError(t, s.TryPut(t.Context(), s.API[i%len(s.API)], name, bodies[i]))
	}
	return bodies
}

// requireVersions waits until a name has the versions from first to last, and no others.
func (s *Store) requireVersions(t *testing.T, name string, first, last int64) {
	t.Helper()
	Eventually(t, MaintenanceTimeout, func() error {
		list, err := s.Versions(t.Context(), s.API[0], name)
		if err == nil && (len(list) != int(last-first+1) || list[0].Version != first || list[len(list)-1].Version != last) {
			err = fmt.Errorf("want versions %d to %d, have %v", first, last, list)
		}
		return err
	})
	for version := int64(1); version <= last; version++ {
		want := http.StatusOK
		if version < first {
			want = http.StatusNotFound
		}
		for _, api := range s.API {
			got := s.Send(t, http.MethodHead, fmt.Sprintf("%s?version=%d", ObjectURL(api, name), version), nil)
			require.Equal(t, want, got.Status, "version %d", version)
		}
	}
}

// keepVersions has the five newest versions of each name: numbers go on, over a deletion and a rollover,
// and through an API service that last knew version 2.
func keepVersions(t *testing.T, s *Store) {
	s = s.Collected(t, "KEEP_VERSIONS=5", "ORPHAN_AGE=15s")
	name, few := NewName(), NewName()
	s.putVersions(t, few, 5)
	bodies := s.putVersions(t, name, 2)
	for range 6 {
		bodies = append(bodies, NewBody(100))
		require.NoError(t, s.TryPut(t.Context(), s.API[0], name, bodies[len(bodies)-1]))
	}
	s.requireVersions(t, name, 4, 8)
	s.requireVersions(t, few, 1, 5)
	require.NoError(t, s.TryPut(t.Context(), s.API[1], name, NewBody(100)))
	s.requireVersions(t, name, 5, 9)
	s.beginIndex(t, 2, false)
	require.NoError(t, s.TryPut(t.Context(), s.API[1], name, NewBody(100)))
	s.requireVersions(t, name, 6, 10)
	for _, body := range bodies[:3] {
		s.RequireGone(t, body)
	}
	all := s.Send(t, http.MethodGet, s.API[0]+"/versions/", nil)
	require.Equal(t, 10, bytes.Count(all.Body, []byte("\n")), "%s", all.Body)

	s.delete(t, name)
	Eventually(t, MaintenanceTimeout, func() error { return s.checkFirst(t, name, 7) })
	got := s.Send(t, http.MethodPut, ObjectURL(s.API[1], name), NewBody(10))
	require.Equal(t, http.StatusBadRequest, s.Send(t, http.MethodGet, ObjectURL(s.API[0], name)+"?version=0", nil).Status)
	require.Equal(t, http.StatusOK, got.Status)
}

func (s *Store) checkFirst(t *testing.T, name string, first int64) error {
	list, err := s.Versions(t.Context(), s.API[0], name)
	if err == nil && list[0].Version != first {
		err = fmt.Errorf("the first version is %d", list[0].Version)
	}
	return err
}

// keepMoreVersions keeps two versions and then three: that brings nothing back.
func keepMoreVersions(t *testing.T, s *Store) {
	s = s.Collected(t, "KEEP_VERSIONS=2", "ORPHAN_AGE=1m")
	name := NewName()
	s.putVersions(t, name, 5)
	s.requireVersions(t, name, 4, 5)
	s.restartWith(t, s.Cluster.API, "KEEP_VERSIONS=3")
	s.AwaitPasses(t, 1)
	s.requireVersions(t, name, 4, 5)
	s.putVersions(t, name, 1)
	s.AwaitPasses(t, 1)
	s.requireVersions(t, name, 4, 6)
	s.putVersions(t, name, 1)
	s.requireVersions(t, name, 5, 7)
}

// versionsWhileTheyGo has writers of few names while old versions are removed: what they see is linearizable,
// and no version is taken twice.
func versionsWhileTheyGo(t *testing.T, s *Store) {
	s = s.Collected(t, "KEEP_VERSIONS=2", "ORPHAN_AGE=1m")
	clients, requests := 20, 40
	if IsLong() {
		clients, requests = 200, 100
	}
	unique := NewName()
	histories, errs := make([][]porcupine.Operation, clients), make([]error, clients)
	var working sync.WaitGroup
	start := time.Now()
	for c := range clients {
		working.Go(func() {
			for i := 0; i < requests && errs[c] == nil; i++ {
				var op porcupine.Operation
				op, errs[c] = s.record(t.Context(), c, i, fmt.Sprint(unique, (c+i)%10), start)
				histories[c] = append(histories[c], op)
			}
		})
	}
	working.Wait()
	var history []porcupine.Operation
	for c := range clients {
		require.NoError(t, errs[c])
		history = append(history, histories[c]...)
	}
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(OneObject(), history, time.Minute))
	m := s.AwaitPasses(t, 1)
	require.NotZero(t, m.VersionsRemoved)
}

// orphansGo removes what no version names, and nothing else.
func orphansGo(t *testing.T, s *Store) {
	other, s := s, s.Collected(t, "KEEP_VERSIONS=1")
	shared, name, second := NewBody(100_000), NewName(), NewName()
	s.Put(t, name, shared)
	s.Put(t, second, shared)
	s.Put(t, name, NewBody(10)) // shared still has another name
	gone := s.putVersions(t, NewName(), 2)[0]
	orphan := s.PutOrphan(t, other)
	u := s.BeginUpload(t, NewBody(1_000_000))
	s.RequirePatch(t, s.API[0], u, 0, 600_000)
	corrupt := filepath.Join(s.Cluster.Data[0].Root, "quarantine", "corrupt")
	require.NoError(t, os.MkdirAll(filepath.Dir(corrupt), 0o755))
	for _, file := range []string{corrupt, corrupt + ".old", filepath.Join(s.Cluster.Data[0].Root, "objects", "not-ours")} {
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
	twoDaysAgo := time.Now().Add(-48 * time.Hour)
	require.NoError(t, os.Chtimes(corrupt+".old", twoDaysAgo, twoDaysAgo))

	s.RequireGone(t, gone)
	s.RequireGone(t, orphan)
	m := s.AwaitPasses(t, 2)
	require.GreaterOrEqual(t, m.OrphansRemoved, int64(2))
	require.Positive(t, m.BytesFreed)
	require.Contains(t, m.Summary, "orphans removed")
	require.Empty(t, m.Stopped)
	require.FileExists(t, corrupt)
	require.NoFileExists(t, corrupt+".old")
	require.FileExists(t, filepath.Join(s.Cluster.Data[0].Root, "objects", "not-ours"))
	require.Contains(t, s.Cluster.Data[0].LogTail(), `reason="no version names it"`)
	s.RequireObject(t, second, shared)
	require.Len(t, s.contentFiles(t, shared), Shards)
	s.RequirePatch(t, s.API[1], u, 600_000, 1_000_000)
	s.AwaitPasses(t, 2)
	require.Len(t, s.contentFiles(t, u.Body), Shards)
}

// PutOrphan stores shards of a content that no version names, with the help of another store.
func (s *Store) PutOrphan(t *testing.T, other *Store) (body []byte) {
	t.Helper()
	body = NewBody(1000)
	_, files, contents := other.PutShards(t, body)
	for i, file := range files {
		require.NoError(t, os.WriteFile(filepath.Join(s.Cluster.Data[i].Root, "objects", filepath.Base(file)), contents[i], 0o600))
	}
	return body
}

// badMaintenanceSettings are one clear line at start.
func badMaintenanceSettings(t *testing.T, s *Store) {
	for _, bad := range []string{
		"KEEP_VERSIONS=0", "KEEP_VERSIONS=five", "ORPHAN_AGE=1", "SCAN_INTERVAL=-1h", "SCAN_RATE=fast", "MAINTENANCE_FORCE=yes",
	} {
		out, err := exec.Command("sh", "-c", bad+" "+s.Cluster.API[0].Command()).CombinedOutput()
		require.Error(t, err)
		name, _, _ := strings.Cut(bad, "=")
		require.Contains(t, string(out), "error: "+name+"=")
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
	}
}

// maintenanceIsOff has a store without settings: nothing is done, and it says so.
func maintenanceIsOff(t *testing.T, s *Store) {
	m, err := s.Maintenance(t.Context(), s.API[0])
	require.NoError(t, err)
	require.Contains(t, m.Summary, "set KEEP_VERSIONS")
	RequireError(t, http.StatusMethodNotAllowed, s.Send(t, http.MethodDelete, s.API[0]+"/maintenance", nil))
}
