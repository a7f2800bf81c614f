package main

import (
	"fmt"
	"io"
	"slices"
)

// maxPeak is the most memory that chapter 5 may take, all its processes together, in MiB.
const maxPeak = 200

// floor is the least ratio of chapter 5's throughput to MinIO's that this project holds itself to.
type floor struct {
	load load
	cell cell
	min  float64
}

func floors() []floor {
	return []floor{
		{loadPut, cell{4 << 10, 1}, 5}, {loadPut, cell{4 << 10, 16}, 2},
		{loadPut, cell{1 << 20, 1}, 2}, {loadPut, cell{1 << 20, 8}, 2},
		{loadPut, cell{64 << 20, 1}, 1.3}, {loadPut, cell{64 << 20, 4}, 1.3},
		{loadGet, cell{4 << 10, 1}, 3}, {loadGet, cell{4 << 10, 16}, 4},
		{loadGet, cell{1 << 20, 1}, 2.5}, {loadGet, cell{1 << 20, 8}, 2.5},
		{loadGet, cell{64 << 20, 1}, 2}, {loadGet, cell{64 << 20, 4}, 2},
		{loadDegraded, cell{64 << 20, 1}, 1.5}, {loadDegraded, cell{64 << 20, 4}, 1.5},
	}
}

// ratio is the throughput of the first target over that of the second, round by round.
type ratio struct {
	Load load `json:"load"`
	cell
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Floor  float64   `json:"floor,omitempty"` // 0: none
}

// ratios compares two targets that were measured in turns.
func (b *bench) ratios() (list []ratio) {
	first, second := b.targets[0].name, b.targets[1].name
	for _, r := range b.results {
		if r.Target != first || !b.targets[1].can(r.Load) {
			continue
		}
		other := b.resultOf(second, r.cell, r.Load)
		next := ratio{Load: r.Load, cell: r.cell}
		for i := range r.Rounds {
			next.Rounds = append(next.Rounds, r.Rounds[i].opsPerSecond()/other.Rounds[i].opsPerSecond())
		}
		next.Median = median(next.Rounds)
		if first == "v5" && second == "minio" {
			next.Floor = floorOf(r.Load, r.cell)
		}
		list = append(list, next)
	}
	return list
}

func floorOf(l load, c cell) float64 {
	for _, f := range floors() {
		if f.load == l && f.cell == c {
			return f.min
		}
	}
	return 0
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// writeRatios prints the comparison.
func (b *bench) writeRatios(w io.Writer, ratios []ratio) {
	first, second := b.targets[0].name, b.targets[1].name
	fmt.Fprintf(w, "**%s and %s, in turns**\n\n", first, second) //nolint:errcheck // there is nowhere else to tell
	var t table
	t.add("load", first+" ops/s", second+" ops/s", "ratio", "lowest", "highest", "at least", "")
	for _, r := range ratios {
		atLeast, verdict := "", ""
		if r.Floor > 0 {
			atLeast, verdict = number(r.Floor), "holds"
			if r.Median < r.Floor {
				verdict = "MISSED"
			}
		}
		t.add(fmt.Sprintf("%s %s", r.Load, r.cell),
			number(b.resultOf(first, r.cell, r.Load).total().opsPerSecond()),
			number(b.resultOf(second, r.cell, r.Load).total().opsPerSecond()),
			number(r.Median), number(slices.Min(r.Rounds)), number(slices.Max(r.Rounds)), atLeast, verdict)
	}
	for i, most := range []string{fmt.Sprintf("at most %d", maxPeak), ""} {
		_, all := b.memories[i].report()
		fmt.Fprintf(w, "Peak memory of %s: %s MiB%s\n", b.targets[i].name, number(float64(all)/mib), most) //nolint:errcheck
	}
	t.write(w)
}
