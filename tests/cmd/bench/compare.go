package main

import (
	"fmt"
	"io"
	"slices"
)

// maxPeak is the limit for the peak memory of all processes of chapter 5 together, in MiB.
const maxPeak = 200

// floor is the required ratio of chapter 5's throughput to MinIO's.
type floor struct {
	load  load
	cell  cell
	ratio float64
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

// ratio is the throughput of the first target divided by that of the second, round by round.
type ratio struct {
	Load load `json:"load"`
	cell
	First  float64   `json:"first"` // operations a second
	Second float64   `json:"second"`
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Floor  float64   `json:"floor,omitempty"` // 0: none
}

// compare returns the ratios of two targets that were measured in turns. It omits loads that the
// second does not support.
func compare(first, second *measured) (list []ratio) {
	for _, r := range first.Results {
		at := slices.IndexFunc(second.Results, func(s *result) bool { return s.cell == r.cell && s.Load == r.Load })
		if at < 0 {
			continue
		}
		next := ratioOf(r, second.Results[at])
		if first.Name == "v5" && second.Name == "minio" {
			next.Floor = floorOf(r.Load, r.cell)
		}
		list = append(list, next)
	}
	return list
}

func ratioOf(first, second *result) ratio {
	r := ratio{Load: first.Load, cell: first.cell, First: first.total().opsPerSecond(), Second: second.total().opsPerSecond()}
	for i := range first.Rounds {
		r.Rounds = append(r.Rounds, first.Rounds[i].opsPerSecond()/second.Rounds[i].opsPerSecond())
	}
	r.Median = median(r.Rounds)
	return r
}

func floorOf(l load, c cell) float64 {
	for _, f := range floors() {
		if f.load == l && f.cell == c {
			return f.ratio
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
func (r *report) writeRatios(w io.Writer) {
	first, second := r.Targets[0], r.Targets[1]
	printTo(w, "**%s and %s**, in turns\n\n", first.Name, second.Name)
	var t table
	t.add("load", first.Name+" ops/s", second.Name+" ops/s", "ratio", "lowest", "highest", "at least", "")
	for _, x := range r.Ratios {
		t.add(x.row()...)
	}
	if first.Name == "v5" {
		peak, most := float64(first.Peak)/mib, float64(maxPeak)
		t.add("peak MiB", number(peak), number(float64(second.Peak)/mib), number(peak/(float64(second.Peak)/mib)),
			"", "", fmt.Sprintf("at most %d MiB", maxPeak), verdict(peak <= most))
	}
	t.write(w)
}

func (x ratio) row() []string {
	atLeast, holds := "", ""
	if x.Floor > 0 {
		atLeast, holds = number(x.Floor), verdict(x.Median >= x.Floor)
	}
	return []string{
		fmt.Sprintf("%s %s", x.Load, x.cell), number(x.First), number(x.Second),
		number(x.Median), number(slices.Min(x.Rounds)), number(slices.Max(x.Rounds)), atLeast, holds,
	}
}

func verdict(holds bool) string {
	if holds {
		return "holds"
	}
	return "MISSED"
}
