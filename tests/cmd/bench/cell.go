package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cell is an object size and a number of concurrent clients, written 64KiBx4.
type cell struct {
	Size    int64 `json:"size"` // in bytes
	Clients int   `json:"clients"`
}

// The number of operations of a cell makes up a volume, within limits: enough that no client idles,
// and few enough that small objects do not take hours.
const (
	minPerClient = 2
	maxPerClient = 100
	minLimit     = 200 // the limit is at least this for all clients together
)

func (c cell) ops(volume int64) int {
	most := int64(max(maxPerClient*c.Clients, minLimit))
	return int(min(most, max(int64(minPerClient*c.Clients), volume/c.Size)))
}

func (c cell) String() string { return sizeText(c.Size) + "x" + strconv.Itoa(c.Clients) }

func parseCell(s string) (c cell, err error) {
	size, clients, found := strings.Cut(s, "x")
	if !found {
		return c, fmt.Errorf("%q is not a size and a number of clients, like 4KiBx16", s)
	}
	if c.Size, err = parseSize(size); err != nil {
		return c, err
	}
	if c.Clients, err = strconv.Atoi(clients); err != nil || c.Clients < 1 {
		return c, fmt.Errorf("%q: %q is not a number of clients", s, clients)
	}
	return c, nil
}

func units() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}

func parseSize(s string) (int64, error) {
	for _, unit := range units() {
		if digits, found := strings.CutSuffix(s, unit.name); found {
			n, err := strconv.ParseInt(digits, 10, 32)
			if err != nil || n < 1 {
				break
			}
			return n * unit.bytes, nil
		}
	}
	return 0, fmt.Errorf("%q is not a size, like 512B, 4KiB or 64MiB", s)
}

func sizeText(size int64) string {
	for _, unit := range units() {
		if size%unit.bytes == 0 {
			return strconv.FormatInt(size/unit.bytes, 10) + unit.name
		}
	}
	return "" // not reached: every size is a multiple of 1 B
}

// load is a kind of access to the objects of a cell.
type load string

const (
	loadPut      load = "put"      // new objects
	loadGet      load = "get"      // each object for the first time
	loadRepeat   load = "repeat"   // each object once more
	loadMixed    load = "mixed"    // three gets, one put, repeated
	loadDegraded load = "degraded" // gets with two data services stopped
)

func allLoads() []load { return []load{loadPut, loadGet, loadRepeat, loadMixed, loadDegraded} }

func parseLoad(s string) (load, error) {
	if !slices.Contains(allLoads(), load(s)) {
		return "", fmt.Errorf("%q is not a load: there are %v", s, allLoads())
	}
	return load(s), nil
}

// listOf returns a flag function for a comma-separated list.
func listOf[T any](list *[]T, parse func(string) (T, error)) func(string) error {
	return func(s string) error {
		*list = nil
		for part := range strings.SplitSeq(s, ",") {
			item, err := parse(strings.TrimSpace(part))
			if err != nil {
				return err
			}
			*list = append(*list, item)
		}
		return nil
	}
}

// byLoad orders results as in the tables: by load, then by size, then by clients.
func byLoad(a, b *result) int {
	return cmp.Or(
		cmp.Compare(slices.Index(allLoads(), a.Load), slices.Index(allLoads(), b.Load)),
		cmp.Compare(a.Size, b.Size),
		cmp.Compare(a.Clients, b.Clients),
	)
}
