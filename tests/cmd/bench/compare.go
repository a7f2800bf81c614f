package main

import (
	"fmt"
	"io"
	"slices"
)

// ratio is the throughput of the first target divided by that of the second, round by round.
type ratio struct {
	Load load `json:"load"`
	cell
	First  float64   `json:"first"` // operations a second
	Second float64   `json:"second"`
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
}

// compare returns the ratios of two targets that were measured in turns. It omits loads that the
// second does not support.
func compare(first, second *measured) (list []ratio) {
	for _, r := range first.Results {
		at := slices.IndexFunc(second.Results, func(s *result) bool { return s.cell == r.cell && s.Load == r.Load })
		if at < 0 {
			continue
		}
		list = append(list, ratioOf(r, second.Results[at]))
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
	t.add("load", first.Name+" ops/s", second.Name+" ops/s", "ratio", "lowest", "highest")
	for _, x := range r.Ratios {
		t.add(x.row()...)
	}
	peak, other := float64(first.Peak)/mib, float64(second.Peak)/mib
	t.add("peak MiB", number(peak), number(other), number(peak/other), "", "")
	t.write(w)
}

func (x ratio) row() []string {
	return []string{
		fmt.Sprintf("%s %s", x.Load, x.cell), number(x.First), number(x.Second),
		number(x.Median), number(slices.Min(x.Rounds)), number(slices.Max(x.Rounds)),
	}
}
