package maintenance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/rs"
	"gostore/common/es"
	"gostore/common/hash"
	"gostore/common/peer"
)

const (
	// maxLost is how many lost contents a report has, and how many versions of each.
	maxLost = 100
	// locatePause is between two of the locates that end a scan: there is one for each version.
	locatePause = 5 * time.Millisecond
)

// scanAgain begins a scan every SCAN_INTERVAL, and goes on with one that was broken off.
func (m *Maintainer) scanAgain(ctx context.Context) {
	for ctx.Err() == nil {
		now := m.known()
		if !now.ScanBegan.After(now.ScanEnded) {
			pause(ctx, time.Until(now.ScanBegan.Add(m.cfg.scanInterval)))
			if ctx.Err() != nil {
				return // else the next holder of the lease would go on with a scan that is not due
			}
			m.note(func(r *Report) { r.ScanBegan = time.Now() })
		}
		if err := m.scan(ctx); err != nil {
			if ctx.Err() == nil {
				m.log.Warn("a scan was broken off", "error", err)
			}
			pause(ctx, poll)
			continue
		}
		m.note(func(r *Report) {
			r.Scans, r.ScanEnded, r.Cursor = r.Scans+1, time.Now(), ""
			r.Lost = slices.DeleteFunc(slices.Clone(r.Lost), func(l Lost) bool { return l.Found.Before(r.ScanBegan) })
		})
	}
}

// scan reads the shards of all contents that a version names, from the cursor on, and then looks for those
// of which nothing is left to read.
func (m *Maintainer) scan(ctx context.Context) error {
	w, err := m.walk(m.known().Cursor)
	for err == nil && !w.done {
		err = m.scanPage(ctx, w)
	}
	if err != nil {
		return err
	}
	return m.versions.Each(ctx, "", func(v es.Metadata) error {
		content, err := v.Content()
		if err != nil {
			return nil // it deletes the object, or lies
		}
		held, sure, err := m.locator.Locate(ctx, content.Hex())
		if err == nil && sure && held.Known() < rs.DataShards {
			err = m.lose(ctx, content)
		}
		pause(ctx, locatePause)
		return err
	})
}

func (m *Maintainer) scanPage(ctx context.Context, w *walk) error {
	page, err := w.next(ctx)
	if err != nil {
		return err
	}
	named, err := m.named(ctx, page)
	if err != nil {
		return err
	}
	for _, c := range page {
		if v, is := named[c.hash.String()]; is {
			if err := m.scanContent(ctx, w, c, v); err != nil {
				m.log.Warn("content is not in order", "hash", c.hash.String(), "error", err)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.note(func(r *Report) { r.Cursor = c.hash.Hex() + "/" }) // after the names of its shards
	}
	return nil
}

// condition is what a scan finds of a content.
type condition struct {
	intact                    placement.Places // of the encoding that most shards have
	corrupt, missing, unknown int
}

// scanContent reads all copies of a content's shards. What is not in order then is put in order.
func (m *Maintainer) scanContent(ctx context.Context, w *walk, c content, v es.Metadata) error {
	content, err := v.Content()
	if err != nil {
		return err
	}
	o := rs.NewObject(v.Size, content)
	found := m.scrub(ctx, o, c)
	if lacking := rs.Shards - found.intact.Known(); lacking > 0 {
		missing := max(found.missing, lacking-found.corrupt-found.unknown)
		m.note(func(r *Report) { r.Missing, r.Corrupt = r.Missing+int64(missing), r.Corrupt+int64(found.corrupt) })
		if found.corrupt > 0 || w.whole && found.unknown == 0 && (w.hasRoom(c) || found.intact.Known() < rs.DataShards) {
			return m.repair(ctx, o, lacking)
		}
		return nil
	}
	if found.unknown > 0 || !w.whole {
		return nil
	}
	return errors.Join(m.removeSurplus(ctx, c, found.intact), m.moveApart(ctx, o, c, found.intact))
}

// scrub reads all copies. Of several that are intact, one counts whose data service holds few others.
func (m *Maintainer) scrub(ctx context.Context, o rs.Object, c content) (found condition) {
	encodings := make([]string, len(c.copies))
	for i, held := range c.copies {
		read, encoding, err := m.streams.Scrub(ctx, held.address, rs.Name(c.hash, held.shard), o.MaxShardSize(), m.cfg.scanRate)
		m.note(func(r *Report) { r.Shards, r.Bytes = r.Shards+1, r.Bytes+read })
		switch {
		case errors.Is(err, peer.ErrCorrupt):
			found.missing++
		case err != nil:
			found.unknown++
		case encoding == "":
			found.corrupt++
		}
		encodings[i] = encoding
	}
	most := c.mostOf(encodings)
	for i, held := range c.copies {
		switch now := &found.intact[held.shard]; {
		case encodings[i] == "": // counted
		case encodings[i] != most:
			found.corrupt++
		case *now == "" || c.on(held.address) < c.on(*now):
			*now = held.address
		}
	}
	return found
}

// mostOf returns the encoding that most shards have. That of a copy may be "", not known.
func (c content) mostOf(encodings []string) (most string) {
	shards := map[string]map[int]bool{}
	for i, held := range c.copies {
		encoding := encodings[i]
		if encoding == "" {
			continue
		}
		if shards[encoding] == nil {
			shards[encoding] = map[int]bool{}
		}
		shards[encoding][held.shard] = true
		if len(shards[encoding]) > len(shards[most]) {
			most = encoding
		}
	}
	return most
}

// on returns how many copies of shards are on a data service.
func (c content) on(address string) (n int) {
	for _, held := range c.copies {
		if held.address == address {
			n++
		}
	}
	return n
}

// hasRoom reports whether a data service has no shard of a content.
func (w *walk) hasRoom(c content) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(w.clocks)), func(address string) bool { return c.on(address) == 0 })
}

func (m *Maintainer) repair(ctx context.Context, o rs.Object, lacking int) error {
	err := m.repairer.Repair(ctx, o)
	if errors.Is(err, rs.ErrTooFewShards) {
		return errors.Join(err, m.lose(ctx, o.Hash()))
	}
	if err == nil {
		m.note(func(r *Report) { r.Repaired += int64(lacking) })
	}
	return err
}

// lose reports content that cannot be read, with the versions that name it. Nothing of it is removed.
func (m *Maintainer) lose(ctx context.Context, content hash.Hash) error {
	lost := Lost{Hash: content.String(), Found: time.Now()}
	err := m.versions.EachOf(ctx, []string{lost.Hash}, func(page []es.Metadata) ([]string, error) {
		counting, err := m.versions.counting(ctx, page)
		for _, v := range counting[:min(len(counting), maxLost-len(lost.Versions))] {
			lost.Versions = append(lost.Versions, LostVersion{v.Name, v.Version})
		}
		return []string{lost.Hash}, err
	})
	m.note(func(r *Report) {
		r.Lost = slices.DeleteFunc(slices.Clone(r.Lost), func(l Lost) bool { return l.Hash == lost.Hash })
		if len(r.Lost) < maxLost {
			r.Lost = append(r.Lost, lost)
		}
	})
	m.log.Error("content is lost", "hash", lost.Hash, "versions", fmt.Sprint(lost.Versions))
	return err
}

// removeSurplus removes all copies but one intact one of each shard. It claims the one that stays: of two
// services that do this at the same time, and differ in which one stays, the second is refused.
func (m *Maintainer) removeSurplus(ctx context.Context, c content, stays placement.Places) error {
	for _, held := range c.copies {
		name := rs.Name(c.hash, held.shard)
		if held.address == stays[held.shard] {
			continue
		}
		_, clock, err := m.streams.List(ctx, held.address, name, 1)
		if err != nil {
			return err
		}
		if _, err := m.streams.Claim(ctx, stays[held.shard], name); err != nil {
			return err
		}
		freed, err := m.streams.Remove(ctx, held.address, name, clock, "another data service has it")
		if isRefused(err) {
			continue // it was stored or claimed of late
		}
		if err != nil {
			return err
		}
		m.note(func(r *Report) { r.Surplus, r.BytesFreed = r.Surplus+1, r.BytesFreed+freed })
	}
	return nil
}

// moveApart copies shards that share a data service to such as have none. The next scan removes those that are
// surplus then.
func (m *Maintainer) moveApart(ctx context.Context, o rs.Object, c content, held placement.Places) error {
	room, err := m.dataServices.WithRoom(o.MaxShardSize(), 1)
	if err != nil {
		return err
	}
	room = slices.DeleteFunc(placement.Order(c.hash.Hex(), room), func(address string) bool { return c.on(address) > 0 })
	var to placement.Places
	for shard, address := range held.Without(placement.Places{}.Apart(held)) {
		if address != "" && len(room) > 0 {
			to[shard], room = room[0], room[1:]
		}
	}
	if to.Known() == 0 {
		return nil
	}
	if err := m.repairer.Place(ctx, o, held, to); err != nil {
		return err
	}
	m.note(func(r *Report) { r.Moved += int64(to.Known()) })
	return nil
}
