package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	gopsprocess "github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sync/errgroup"

	"gostore/common/es"
	"gostore/common/hash"
	"gostore/tests/cluster"
)

const (
	bulk      = 5000   // documents in a request
	linksMost = 60_000 // some file systems take no more than 65,000 to one file
)

// growth is how fast a store is with objects that are there already.
type growth struct {
	Objects int     `json:"objects"`
	Start   float64 `json:"startSeconds"` // of a data service
	Memory  uint64  `json:"startBytes"`   // resident, after that
	measured
}

// grow measures a chapter again and again, with more objects each time.
func (r *report) grow(ctx context.Context, o options, dir string, w io.Writer) (err error) {
	progress := newProgress()
	defer progress.done()
	progress.say("starting", o.targets[0])
	t, err := openTarget(ctx, o.targets[0], dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if len(t.stoppable) == 0 {
		return fmt.Errorf("-grow: %s has no shards", t.name)
	}
	limits, err := newLimits(dir)
	if err != nil {
		return err
	}
	defer limits.close()
	filled := 0
	for _, n := range o.grow {
		progress.say("filling", n)
		g := growth{Objects: n}
		if err := g.fill(ctx, t, filled); err != nil {
			return err
		}
		filled = n
		if err := g.restart(ctx, t.data); err != nil {
			return err
		}
		b := newBench(o, []*target{t}, limits, progress)
		if err := b.measure(ctx); err != nil {
			return err
		}
		g.measured = *b.report()[0]
		r.Growth = append(r.Growth, g)
	}
	r.writeGrowth(w)
	if o.plot == "" {
		return nil
	}
	return r.plotGrowth(o.plot)
}

// fill adds objects that are never read: versions, and shards that are hard links to a few files. What grows is
// directories, indexes and metadata. It stops the data services.
func (g *growth) fill(ctx context.Context, t *target, from int) error {
	if err := putOne(ctx, t); err != nil {
		return err
	}
	filling, inTime := errgroup.WithContext(ctx)
	filling.Go(func() error { return addVersions(inTime, t, from, g.Objects) })
	for i, p := range t.data {
		if err := p.Stop(); err != nil {
			return errors.Join(err, filling.Wait())
		}
		filling.Go(func() error { return link(inTime, filepath.Join(p.Root, "objects"), i, from, g.Objects) })
	}
	return filling.Wait()
}

// putOne makes a shard to link to, and the first index.
func putOne(ctx context.Context, t *target) error {
	_, err := putOp(ctx, t.client, "grow", newBodies(false).make(1, 1)[0])
	return err
}

// content is the hash of the i-th object. Its shards have other content.
func content(i int) hash.Hash { return sha256.Sum256([]byte(strconv.Itoa(i))) }

// link makes the shards of one data service.
func link(ctx context.Context, objects string, shard, from, to int) error {
	shardFile, err := readFirst(objects)
	if err != nil {
		return err
	}
	source := ""
	for i := from; i < to && ctx.Err() == nil; i++ {
		name := filepath.Join(objects, fmt.Sprintf("%s.%d", content(i).Hex(), shard%dataServices))
		if (i-from)%linksMost == 0 {
			if err := os.WriteFile(name, shardFile, 0o644); err != nil {
				return err
			}
			source = name
		} else if err := os.Link(source, name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func readFirst(dir string) ([]byte, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading
	names, err := f.Readdirnames(1)
	if err != nil {
		return nil, fmt.Errorf("no shard to link to in %s: %w", dir, err)
	}
	return os.ReadFile(filepath.Join(dir, names[0]))
}

// addVersions adds the first version of each object, thousands in a request.
func addVersions(ctx context.Context, t *target, from, to int) error {
	for part := from; part < to; part += bulk {
		var lines strings.Builder
		for i := part; i < min(part+bulk, to); i++ {
			name := fmt.Sprintf("grow-%d", i)
			document, err := json.Marshal(es.Metadata{Name: name, Version: 1, Size: 1, Hash: content(i).String()})
			if err != nil {
				return err
			}
			fmt.Fprintf(&lines, "{\"create\":{\"_id\":%q}}\n%s\n", name+"_1", document)
		}
		if err := post(ctx, t.metadata+"/_bulk", lines.String()); err != nil {
			return err
		}
	}
	return nil
}

func post(ctx context.Context, url, body string) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() // read to its end
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"errors":false`)) {
		err = fmt.Errorf("add versions: %s: %.300s", answer.Status, text)
	}
	return err
}

// restart starts the data services, and measures the first.
func (g *growth) restart(ctx context.Context, data []*cluster.Process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for i, p := range data {
		begin := time.Now()
		if err := p.Start(); err != nil {
			return err
		}
		if err := p.AwaitHealthy(ctx); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		g.Start = time.Since(begin).Seconds()
		running, err := gopsprocess.NewProcess(int32(p.PID()))
		if err != nil {
			return err
		}
		memory, err := running.MemoryInfo()
		if err != nil {
			return err
		}
		g.Memory = memory.RSS
	}
	return settle(ctx)
}

// writeGrowth prints the medians of the rounds.
func (r *report) writeGrowth(w io.Writer) {
	first := r.Growth[0]
	printTo(w, "**How %s grows** (%s)\n\n", first.Name, first.About)
	var t table
	head := []string{"objects there"}
	for _, result := range first.Results {
		head = append(head, result.title()+" ops/s")
	}
	t.add(append(head, "start s", "start MiB")...)
	for _, g := range r.Growth {
		row := []string{strconv.Itoa(g.Objects)}
		for _, result := range g.Results {
			row = append(row, number(result.median()))
		}
		t.add(append(row, number(g.Start), number(float64(g.Memory)/mib))...)
	}
	t.write(w)
}

// median returns operations a second.
func (r *result) median() float64 {
	rounds := []float64{}
	for _, m := range r.Rounds {
		rounds = append(rounds, m.opsPerSecond())
	}
	return median(rounds)
}

func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number of objects", s)
	}
	return n, nil
}

func ascending(list []int) bool {
	return slices.IsSorted(list) && len(slices.Compact(slices.Clone(list))) == len(list)
}
