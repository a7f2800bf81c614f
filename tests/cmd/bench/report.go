package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

const mib = 1 << 20

// report has all results. It is printed as Markdown, and -json writes it.
type report struct {
	Command string      `json:"command"`
	Machine string      `json:"machine"`
	Time    time.Time   `json:"time"`
	Targets []*measured `json:"targets"`
	Ratios  []ratio     `json:"ratios,omitempty"`
	Growth  []growth    `json:"growth,omitempty"`
}

// measured has the results of one target.
type measured struct {
	Name    string            `json:"name"`
	About   string            `json:"about"`
	Peaks   map[string]uint64 `json:"peakBytes"` // resident, of each process
	Peak    uint64            `json:"peakBytesOfAll"`
	Results []*result         `json:"results"`
	Limits  []*limit          `json:"limits"` // of the machine during the run
}

// limit is what the machine itself can do in one cell.
type limit struct {
	cell
	cost
	Bounds map[load]float64 `json:"bounds"` // operations a second
}

func newReport(args []string) *report {
	return &report{
		Command: "go run ./tests/cmd/bench " + strings.Join(args, " "),
		Machine: fmt.Sprintf("%d processors, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Time:    time.Now().UTC().Truncate(time.Second),
	}
}

func (r *report) save(file string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}

// writeHead prints the command and the machine that the figures are from.
func (r *report) writeHead(w io.Writer) {
	printTo(w, "```sh\n%s\n```\n\n%s, %s\n\n", r.Command, r.Machine, r.Time.Format("2006-01-02 15:04 MST"))
}

func (m *measured) write(w io.Writer) {
	printTo(w, "**%s** (%s)\n\n", m.Name, m.About)
	var loads table
	loads.add("load", "ops/s", "MB/s", "p50 ms", "p90 ms", "p99 ms", "CPU s/GiB", "peak MiB", "errors", "of the bound")
	for _, r := range m.Results {
		loads.add(r.row(m.boundOf(r))...)
	}
	loads.write(w)
	if len(m.Peaks) == 0 {
		printTo(w, "Its processes are not visible from here, so their processor time and memory are unknown.\n\n")
		return
	}
	var memory table
	memory.add("process", "peak MiB")
	for _, name := range slices.Sorted(maps.Keys(m.Peaks)) {
		memory.add(name, number(float64(m.Peaks[name])/mib))
	}
	memory.add("all together", number(float64(m.Peak)/mib))
	memory.write(w)
}

func (m *measured) boundOf(r *result) float64 {
	for _, l := range m.Limits {
		if l.cell == r.cell {
			return l.Bounds[r.Load]
		}
	}
	return 0
}

func (r *result) row(bound float64) []string {
	total := r.total()
	return []string{
		r.title(),
		number(total.opsPerSecond()),
		number(float64(total.Bytes) / 1e6 / total.Seconds),
		number(r.Millis.P50), number(r.Millis.P90), number(r.Millis.P99),
		number(total.CPU / (float64(total.Bytes) / (1 << 30))),
		number(float64(total.Peak) / mib),
		fmt.Sprint(total.Errors),
		fmt.Sprintf("%.0f %%", 100*total.opsPerSecond()/bound),
	}
}

func (r *result) title() string { return fmt.Sprintf("%s %s", r.Load, r.cell) }

// writeLimits prints what the machine itself did during the run.
func (m *measured) writeLimits(w io.Writer, loads []load) {
	printTo(w, "**The machine itself**\n\n")
	var parts, bounds table
	parts.add("", "SHA-256 MB/s", "encode MB/s", "HTTP MB/s", "HTTP ms", "write+fsync MB/s", "write+fsync ms")
	head := []string{"at most, ops/s"}
	for _, kind := range loads {
		head = append(head, string(kind))
	}
	bounds.add(head...)
	for _, l := range m.Limits {
		parts.add(l.row()...)
		row := []string{l.String()}
		for _, kind := range loads {
			row = append(row, number(l.Bounds[kind]))
		}
		bounds.add(row...)
	}
	parts.write(w)
	bounds.write(w)
}

func (l *limit) row() []string {
	rate := func(seconds float64) string { return number(float64(l.Size) / 1e6 / seconds) }
	return []string{
		l.String(), rate(l.SHA256.cpu()), rate(l.Encode.cpu()),
		rate(l.Exchange.wall()), number(l.Empty.wall() * 1e3),
		rate(l.Write.wall() / float64(l.Clients)), number(l.Write.wall() * 1e3),
	}
}

// writeSideBySide prints the throughput of several targets that were measured one after the other.
func (r *report) writeSideBySide(w io.Writer) {
	printTo(w, "**Operations a second**, one target after the other\n\n")
	var t table
	head := []string{"load"}
	for _, m := range r.Targets {
		head = append(head, m.Name)
	}
	t.add(head...)
	for _, first := range r.Targets[len(r.Targets)-1].Results { // the last chapter supports the most loads
		row := []string{first.title()}
		for _, m := range r.Targets {
			row = append(row, m.throughput(first))
		}
		t.add(row...)
	}
	t.write(w)
}

func (m *measured) throughput(like *result) string {
	for _, r := range m.Results {
		if r.cell == like.cell && r.Load == like.Load {
			return number(r.total().opsPerSecond())
		}
	}
	return "–"
}
