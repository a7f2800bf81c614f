package elastic

import (
	"cmp"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// index is a list of writes. All of it is guarded by store.mu.
type index struct {
	name string
	definition
	log     *log
	writes  []write
	bytes   int64            // of all writes in the log
	last    map[string]int32 // the last write to each document, by id
	visible int              // searches see so many of the writes
	due     time.Time        // when they see all; zero if they do, or if no time is set
	sorted  []int32          // writes by their keys: as many as were visible to the last search
}

// definition is what an index is made with, and what can change of it.
type definition struct {
	Created time.Time
	Mapping mapping
	Aliases map[string]alias
	Blocked bool // for writing
	Manual  bool // refreshed only when that is asked for
}

// copy returns one that can be changed.
func (d definition) copy() *definition {
	d.Aliases = maps.Clone(d.Aliases)
	return &d
}

// write is one of an index. Its sequence number is its position.
type write struct {
	key
	at       int64 // in the log
	size     uint32
	version  int32  // how many writes to the document there were, this one included
	replaced int32  // by which write, or never
	hash     uint32 // the sum of the field hash; 0 for none or several
}

const never = math.MaxInt32

// add takes over a write that is in the log.
func (x *index) add(r record, at int64, size int) {
	now := time.Now()
	x.refreshIfDue(now)
	k, hashes := x.Mapping.read(r.Source)
	w := write{key: k, at: at, size: uint32(size), version: 1, replaced: never}
	if last, found := x.last[r.ID]; found {
		w.version = x.writes[last].version + 1
		x.writes[last].replaced = int32(len(x.writes))
	}
	if strings.HasPrefix(r.ID, w.name) {
		w.name = r.ID[:len(w.name)] // one text less in memory
	}
	if len(hashes) == 1 {
		w.hash = sum(hashes[0])
	}
	x.last[r.ID] = int32(len(x.writes))
	x.writes = append(x.writes, w)
	x.bytes += int64(size)
	if x.due.IsZero() && !x.Manual {
		x.due = now.Add(time.Second) // as index.refresh_interval is by default
	}
}

func (x *index) refresh() { x.visible, x.due = len(x.writes), time.Time{} }

func (x *index) refreshIfDue(now time.Time) {
	if !x.due.IsZero() && !now.Before(x.due) {
		x.refresh()
	}
}

// sees tells whether a search finds the document of a write.
func (x *index) sees(seq int32) bool {
	w := &x.writes[seq]
	return int(seq) < x.visible && int(w.replaced) >= x.visible
}

// sort returns all visible writes by their keys. It sorts in those that it has not seen yet.
func (x *index) sort() []int32 {
	done := len(x.sorted)
	for seq := done; seq < x.visible; seq++ {
		x.sorted = append(x.sorted, int32(seq))
	}
	if done < x.visible {
		slices.SortFunc(x.sorted[done:], x.byKey)
		slices.SortStableFunc(x.sorted, x.byKey) // merges the two: it is fast where much is in order
	}
	return x.sorted
}

func (x *index) byKey(a, b int32) int {
	v, w := &x.writes[a], &x.writes[b]
	return cmp.Or(strings.Compare(v.name, w.name), cmp.Compare(v.key.version, w.key.version), cmp.Compare(a, b))
}

func sum(text string) uint32 { return crc32.ChecksumIEEE([]byte(text)) }
