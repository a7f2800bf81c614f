package suite

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
)

// scanRepairs damages shards that no GET reads, and has a data service replaced by an empty one: a scan
// finds and repairs it, and goes on when the API service that scans is killed. A data service that is frozen
// has nothing doubled.
func scanRepairs(t *testing.T, s *Store) {
	s = s.Maintained(t, "SCAN_INTERVAL=2s", "SCAN_RATE=100000000")
	body := NewBody(Stripe + 1000)
	_, files, contents := s.PutShards(t, body)
	flip(t, files[5], 1000)
	require.NoError(t, os.Remove(files[4]))
	s.RequireShards(t, body, contents)
	m := s.AwaitMaintenance(t, func(m Maintenance) error {
		if m.Corrupt < 1 || m.Missing < 1 || m.Repaired < 2 {
			return fmt.Errorf("not counted: %s", m.Summary)
		}
		return nil
	})
	require.Empty(t, m.Lost)

	empty := s.OwnerOf(t, files[0])
	require.NoError(t, empty.Stop())
	require.NoError(t, os.RemoveAll(empty.Root))
	require.NoError(t, empty.Start())
	s.RequireShards(t, body, contents)

	frozen := s.Cluster.Data[3]
	require.NoError(t, frozen.Freeze())
	before := s.contentFiles(t, body)
	s.awaitScans(t, 2)
	require.ElementsMatch(t, before, s.contentFiles(t, body))
	require.NoError(t, frozen.Resume())

	s.HolderOfLease(t).Kill()
	require.NoError(t, os.Remove(files[5]))
	Eventually(t, MaintenanceTimeout, func() error { return s.checkShardFiles(body, contents) })
}

// HolderOfLease returns the API service that maintains the store.
func (s *Store) HolderOfLease(t *testing.T) (p *cluster.Process) {
	t.Helper()
	Eventually(t, MaintenanceTimeout, func() error {
		m, err := s.Maintenance(t.Context(), s.API[0])
		for _, api := range s.Cluster.API {
			if strings.HasPrefix(m.Holder, api.Address+" ") {
				p = api
				return nil
			}
		}
		return errors.Join(err, errors.New("nobody maintains the store"))
	})
	return p
}

// OtherThanHolder returns an API service that does not.
func (s *Store) OtherThanHolder(t *testing.T) *cluster.Process {
	t.Helper()
	holder := s.HolderOfLease(t)
	i := slices.IndexFunc(s.Cluster.API, func(p *cluster.Process) bool { return p != holder })
	return s.Cluster.API[i]
}

// BeginIndex rolls the metadata over to the index of that number.
func (s *Store) BeginIndex(t *testing.T, number int) { t.Helper(); s.beginIndex(t, number, false) }

// DeleteIndex deletes the first index of the metadata.
func (s *Store) DeleteIndex(t *testing.T) {
	t.Helper()
	url := fmt.Sprintf("%s/%s-000001", s.Servers.URLs().Elasticsearch, s.Cluster.Index())
	require.Equal(t, http.StatusOK, s.Send(t, http.MethodDelete, url, nil).Status)
}

// awaitScans waits for scans that begin after the call.
func (s *Store) awaitScans(t *testing.T, n int64) Maintenance {
	t.Helper()
	begun := int64(-1)
	return s.AwaitMaintenance(t, func(m Maintenance) error {
		if begun < 0 {
			begun = m.Scans + 1
		}
		if m.Scans < begun+n {
			return fmt.Errorf("%d scans, want %d", m.Scans, begun+n)
		}
		return nil
	})
}

// scanReportsLost has four and six shards of objects gone: they are reported with all their versions until the
// shards are back, and nothing is removed.
func scanReportsLost(t *testing.T, s *Store) {
	s = s.Collected(t, "SCAN_INTERVAL=1s", "SCAN_RATE=100000000", "KEEP_VERSIONS=5")
	for i := range 10 {
		s.Put(t, NewName(), NewBody(10+i))
	}
	for _, n := range []int{4, 6} {
		body := NewBody(100_000)
		name, files, _ := s.PutShards(t, body)
		second := NewName()
		s.Put(t, second, NewBody(10))
		s.Put(t, second, body)
		for _, file := range files[:n] {
			require.NoError(t, os.Rename(file, filepath.Join(filepath.Dir(filepath.Dir(file)), filepath.Base(file))))
		}
		isLost := func(m Maintenance) error {
			for _, l := range m.Lost {
				if l.Hash == hash.Of(body).String() && len(l.Versions) == 2 {
					return nil
				}
			}
			return fmt.Errorf("lost: %v", m.Lost)
		}
		m := s.AwaitMaintenance(t, isLost)
		require.ElementsMatch(t, []Version{{Name: name, Version: 1}, {Name: second, Version: 2}}, m.Lost[0].Versions)
		require.NoError(t, isLost(s.awaitScans(t, 2)))
		require.Len(t, s.contentFiles(t, body), Shards-n)
		for _, file := range files[:n] {
			require.NoError(t, os.Rename(filepath.Join(filepath.Dir(filepath.Dir(file)), filepath.Base(file)), file))
		}
		s.AwaitMaintenance(t, func(m Maintenance) error {
			if len(m.Lost) > 0 {
				return fmt.Errorf("lost: %v", m.Lost)
			}
			return nil
		})
		s.RequireObject(t, name, body)
	}
}

// scanRate reads at SCAN_RATE, and each shard once in a scan though there are two API services. When the one that
// scans is killed, the other goes on near where it was.
func scanRate(t *testing.T, s *Store) {
	const rate, objects, size = 2_000_000, 6, 1 << 20
	s = s.Maintained(t, "SCAN_INTERVAL=1h", fmt.Sprint("SCAN_RATE=", rate), "KEEP_VERSIONS=5")
	total, hashes := 0, []string{}
	for range objects {
		body := NewBody(size)
		_, _, contents := s.PutShards(t, body)
		hashes = append(hashes, hash.Of(body).Hex())
		for _, content := range contents {
			total += len(content)
		}
	}
	before := s.AwaitMaintenance(t, scansAre(1)) // of what was there at the start
	// The next scan begins when all services are known again, and the one after that when the report, which may be
	// two seconds old, has told of it.
	interval := time.Since(before.ScanBegan) + 10*time.Second
	for _, p := range s.Cluster.API {
		require.NoError(t, p.Stop())
		p.Env = append(p.Env, "SCAN_INTERVAL="+interval.Round(time.Second).String())
	}
	for _, p := range s.Cluster.API {
		require.NoError(t, p.Start())
	}
	require.NoError(t, s.Cluster.AwaitHealthy(t.Context()))
	last := s.AwaitMaintenance(t, scansAre(before.Scans+1))
	require.GreaterOrEqual(t, last.ScanBegan.Sub(before.ScanBegan), interval.Round(time.Second), "a restart begins no scan")
	took := last.ScanEnded.Sub(last.ScanBegan).Seconds()
	perSecond := float64(total) / took
	t.Logf("%d bytes in %.1f s: %.0f bytes a second", total, took, perSecond)
	require.EqualValues(t, total, last.Bytes-before.Bytes)
	require.Less(t, perSecond, rate*1.1)
	require.Greater(t, perSecond, rate*0.3, "0.98 on a machine that has nothing else to do")

	slices.Sort(hashes)
	late := s.AwaitMaintenance(t, func(m Maintenance) error {
		if m.Cursor < hashes[objects/2] || m.Cursor > hashes[objects-1] {
			return fmt.Errorf("the cursor is %q", m.Cursor)
		}
		return nil
	})
	s.HolderOfLease(t).Kill()
	next := s.AwaitMaintenance(t, scansAre(late.Scans+1))
	require.Less(t, float64(next.Bytes-late.Bytes), 0.9*float64(total), "with two seconds of the next scan")
}

func scansAre(n int64) func(m Maintenance) error {
	return func(m Maintenance) error {
		if m.Scans < n {
			return fmt.Errorf("%d scans, want %d", m.Scans, n)
		}
		return nil
	}
}

// surplusGoes has a second copy of a shard, a corrupt second copy, and two shards on one data service, which has
// been so before any scan: after a while there is one intact copy of each, on a data service of its own.
func surplusGoes(t *testing.T, s *Store) {
	s = s.Collected(t, "SCAN_INTERVAL=1s", "SCAN_RATE=100000000")
	s.AwaitSix(t)
	body := NewBody(Stripe + 1000)
	name, files, contents := s.PutShards(t, body)
	beside := func(of, at int) string { return filepath.Join(filepath.Dir(files[at]), filepath.Base(files[of])) }
	require.NoError(t, os.WriteFile(beside(0, 1), contents[0], 0o600))
	require.NoError(t, os.WriteFile(beside(2, 3), contents[2], 0o600))
	flip(t, beside(2, 3), 500)
	from, to := s.OwnerOf(t, files[4]), s.OwnerOf(t, files[5])
	require.NoError(t, errors.Join(from.Stop(), to.Stop()))
	require.NoError(t, os.Rename(files[4], beside(4, 5)))
	require.NoError(t, errors.Join(to.Start(), from.Start()))
	Eventually(t, MaintenanceTimeout, func() error {
		now := s.contentFiles(t, body)
		if len(now) != Shards {
			return fmt.Errorf("%v", now)
		}
		places, err := s.Located(t.Context(), body)
		holders := map[string]bool{}
		for _, address := range places {
			holders[address] = true
		}
		if err == nil && len(holders) != Shards {
			err = fmt.Errorf("on %v", places)
		}
		return err
	})
	s.RequireShards(t, body, contents)
	require.Equal(t, http.StatusOK, s.Get(t, name).Status)
}
