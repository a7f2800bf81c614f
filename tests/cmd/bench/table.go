package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

const mib = 1 << 20

// table is printed as Markdown whose columns line up, for a terminal and for a page alike.
type table struct {
	rows [][]string // the first is the head
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, text := range row {
			widths[i] = max(widths[i], len([]rune(text)))
		}
	}
	for n, row := range t.rows {
		t.line(w, row, widths)
		if n == 0 {
			rule := make([]string, len(widths))
			for i, width := range widths {
				rule[i] = strings.Repeat("-", max(1, width-1)) + ":"
			}
			rule[0] = strings.Repeat("-", widths[0])
			t.line(w, rule, widths)
		}
	}
	fmt.Fprintln(w) //nolint:errcheck // as below
}

func (t *table) line(w io.Writer, row []string, widths []int) {
	padded := make([]string, len(row))
	for i, text := range row {
		gap := strings.Repeat(" ", widths[i]-len([]rune(text)))
		if padded[i] = gap + text; i == 0 {
			padded[i] = text + gap
		}
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(padded, " | ")) //nolint:errcheck // there is nowhere else to tell
}

// number has three digits that count.
func number(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// writeTarget prints what a target did.
func (b *bench) writeTarget(w io.Writer, at int) {
	t := b.targets[at]
	fmt.Fprintf(w, "**%s**\n\n", t.name) //nolint:errcheck // there is nowhere else to tell
	var loads table
	loads.add("load", "ops/s", "MB/s", "p50 ms", "p90 ms", "p99 ms", "CPU s/GiB", "peak MiB", "errors", "of the bound")
	for _, r := range b.results {
		if r.Target == t.name {
			loads.add(b.row(r)...)
		}
	}
	loads.write(w)
	var memory table
	memory.add("process", "peak MiB")
	each, all := b.memories[at].report()
	for _, name := range slices.Sorted(maps.Keys(each)) {
		memory.add(name, number(float64(each[name])/mib))
	}
	memory.add("all together", number(float64(all)/mib))
	memory.write(w)
}

func (b *bench) row(r *result) []string {
	sum := r.total()
	ms := func(quantile float64) string {
		return number(float64(r.latencies.ValueAtQuantile(quantile)) / 1e3)
	}
	return []string{
		fmt.Sprintf("%s %s", r.Load, r.cell),
		number(sum.opsPerSecond()),
		number(float64(sum.Bytes) / 1e6 / sum.Seconds),
		ms(50), ms(90), ms(99),
		number(sum.CPU / (float64(sum.Bytes) / (1 << 30))),
		number(float64(sum.Peak) / mib),
		fmt.Sprint(sum.Errors),
		fmt.Sprintf("%.0f %%", 100*sum.opsPerSecond()/b.limits.bound(r.cell, r.Load)),
	}
}

// writeLimits prints what the machine itself can do.
func (l *limits) write(w io.Writer, cells []cell, loads []load) {
	fmt.Fprint(w, "**The machine's own limits**\n\n") //nolint:errcheck // there is nowhere else to tell
	var t table
	head := []string{"cell", "SHA-256 MB/s", "encode MB/s", "HTTP MB/s", "write+fsync MB/s", "HTTP ms", "write+fsync ms"}
	for _, kind := range loads {
		head = append(head, fmt.Sprintf("bound of %s, ops/s", kind))
	}
	t.add(head...)
	for _, c := range cells {
		cost := l.cells[c]
		rate := func(s spent, clients int) string {
			return number(float64(c.Size) / 1e6 / s.wall() * float64(clients))
		}
		row := []string{
			c.String(), rate(cost.SHA256, 1), rate(cost.Encode, 1), rate(cost.Exchange, 1), rate(cost.Write, c.Clients),
			number(cost.Empty.wall() * 1e3), number(cost.Write.wall() * 1e3),
		}
		for _, kind := range loads {
			row = append(row, number(l.bound(c, kind)))
		}
		t.add(row...)
	}
	t.write(w)
}

// report is what -json writes.
type report struct {
	Results []*result        `json:"results"`
	Memory  map[string]peaks `json:"memory"` // by target
	Limits  map[string]*cost `json:"limits"` // by cell
	Ratios  []ratio          `json:"ratios,omitempty"`
}

type peaks struct {
	Processes map[string]uint64 `json:"peakBytes"`
	All       uint64            `json:"peakBytesOfAll"`
}

// addTo adds what was measured to a report.
func (b *bench) addTo(r *report) {
	r.Results = append(r.Results, b.results...)
	for i, t := range b.targets {
		each, all := b.memories[i].report()
		r.Memory[t.name] = peaks{each, all}
	}
	for c, cost := range b.limits.cells {
		r.Limits[c.String()] = cost
	}
}

func (r *report) save(file string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}
