package maintenance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"gostore/chapter9/rs"
	"gostore/common/es"
	"gostore/common/httpd"
	"gostore/common/peer"
)

// maxOrphans is how many contents one pass removes. The next one removes the others.
const maxOrphans = 50_000

// retry is how soon after one that stopped the next pass begins.
const retry = 10 * time.Second

// collectAgain makes a pass every ORPHAN_AGE.
func (m *Maintainer) collectAgain(ctx context.Context) {
	for ctx.Err() == nil {
		err := m.collect(ctx)
		if ctx.Err() != nil {
			return
		}
		stopped, next := "", m.cfg.orphanAge
		if err != nil {
			stopped, next = err.Error(), min(next, retry)
			m.log.Warn("a pass of maintenance stopped", "error", err)
		}
		m.note(func(r *Report) { r.Passes, r.LastPass, r.Stopped = r.Passes+1, time.Now(), stopped })
		pause(ctx, next)
	}
}

// collect removes orphans, and then versions: what only those named is an orphan of the next pass.
func (m *Maintainer) collect(ctx context.Context) error {
	w, err := m.walk("")
	if err != nil {
		return err
	}
	orphans, err := m.orphans(ctx, w)
	if err != nil {
		return err
	}
	if err := m.remove(ctx, w, orphans); err != nil {
		return err
	}
	for address := range w.clocks {
		if err := m.streams.SweepQuarantine(ctx, address); err != nil {
			return err
		}
	}
	return m.raiseFloors(ctx)
}

// orphans returns contents that no version names. After an error nothing must be removed.
func (m *Maintainer) orphans(ctx context.Context, w *walk) (orphans []content, err error) {
	var total, found int64
	for !w.done {
		page, err := w.next(ctx)
		if err != nil {
			return nil, err
		}
		if total == 0 { // the clocks have been read
			if err := m.refresh(ctx); err != nil {
				return nil, err
			}
		}
		named, err := m.named(ctx, page)
		if err != nil {
			return nil, err
		}
		total += int64(len(page))
		for _, c := range page {
			if _, is := named[c.hash.String()]; is {
				continue
			}
			if found++; found <= maxOrphans {
				orphans = append(orphans, c)
			}
		}
	}
	m.note(func(r *Report) { r.Contents = total })
	if found*10 > total && found > m.cfg.force {
		return nil, fmt.Errorf("%d of %d contents would be removed, more than a tenth: set MAINTENANCE_FORCE=%d if that is right", found, total, found)
	}
	return orphans, nil
}

// refresh has searches see all versions. That there are fewer than before is an error.
func (m *Maintainer) refresh(ctx context.Context) error {
	versions, err := m.versions.Refresh(ctx)
	if err != nil {
		return err
	}
	if before := m.known().KnownVersions; versions < before && m.cfg.force == 0 {
		return fmt.Errorf("there were %d versions, now there are %d: set MAINTENANCE_FORCE if that is right", before, versions)
	}
	m.note(func(r *Report) { r.KnownVersions = versions })
	return nil
}

// named returns a version of each content that one names at or above its floor, by hash as in the metadata.
func (m *Maintainer) named(ctx context.Context, page []content) (map[string]es.Metadata, error) {
	wanted, named := map[string]bool{}, map[string]es.Metadata{}
	for _, c := range page {
		wanted[c.hash.String()] = true
	}
	err := m.versions.EachOf(ctx, slices.Collect(maps.Keys(wanted)), func(versions []es.Metadata) ([]string, error) {
		counting, err := m.versions.counting(ctx, versions)
		for _, v := range counting {
			named[v.Hash] = v
			delete(wanted, v.Hash)
		}
		return slices.Collect(maps.Keys(wanted)), err
	})
	return named, err
}

// remove removes orphans from all data services that have answered. The error is the last one.
func (m *Maintainer) remove(ctx context.Context, w *walk, orphans []content) (failed error) {
	for _, c := range orphans {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch freed, err := m.removeContent(ctx, w, c); {
		case err == nil:
			m.note(func(r *Report) { r.OrphansRemoved, r.BytesFreed = r.OrphansRemoved+1, r.BytesFreed+freed })
		case !isRefused(err):
			failed = fmt.Errorf("remove %s: %w", c.hash, err)
		}
	}
	return failed
}

// isRefused reports whether a data service protects a shard.
func isRefused(err error) bool {
	var e *httpd.Error
	return errors.As(err, &e) && e.Status == http.StatusConflict
}

// removeContent ends with the first shard that is not removed: the content may be needed.
func (m *Maintainer) removeContent(ctx context.Context, w *walk, c content) (freed int64, err error) {
	for _, held := range c.copies {
		n, err := m.streams.Remove(ctx, held.address, rs.Name(c.hash, held.shard), w.clocks[held.address], "no version names it")
		if err != nil && !errors.Is(err, peer.ErrCorrupt) { // it is gone
			return freed, err
		}
		freed += n
	}
	return freed, nil
}

// raiseFloors removes all but the newest versions of each name.
func (m *Maintainer) raiseFloors(ctx context.Context) error {
	if m.cfg.keep == 0 {
		return nil
	}
	wanted, newest := map[string]int64{}, es.Metadata{}
	next := func(v es.Metadata) (err error) {
		if v.Name != newest.Name && newest.Version > m.cfg.keep {
			wanted[newest.Name] = newest.Version - m.cfg.keep + 1
		}
		if len(wanted) == pageSize {
			err = m.raise(ctx, wanted)
			clear(wanted)
		}
		newest = v
		return err
	}
	err := m.versions.Client.Each(ctx, "", next)
	if err == nil {
		err = next(es.Metadata{})
	}
	if err == nil {
		err = m.raise(ctx, wanted)
	}
	return err
}

func (m *Maintainer) raise(ctx context.Context, wanted map[string]int64) error {
	floors, err := m.versions.Floors(ctx, slices.Collect(maps.Keys(wanted))...)
	if err != nil {
		return err
	}
	for name, floor := range wanted {
		if floors[name] >= floor {
			continue
		}
		removed, err := m.versions.Raise(ctx, name, floor)
		if err != nil {
			return err
		}
		m.log.Info("versions removed", "name", name, "below", floor, "reason", fmt.Sprintf("the %d newest are kept", m.cfg.keep))
		m.note(func(r *Report) { r.VersionsRemoved += removed })
	}
	return nil
}
