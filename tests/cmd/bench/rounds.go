package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"gostore/common/hash"
)

// getsPerPut is the ratio of the mixed load.
const getsPerPut = 3

// result has the rounds of one load of one cell on one target, without the warm-up.
type result struct {
	Load load `json:"load"`
	cell
	Rounds []measurement `json:"rounds"`
	Millis quantiles     `json:"milliseconds"` // over all rounds
	Error  string        `json:"error,omitempty"`

	latencies *hdrhistogram.Histogram
}

type quantiles struct {
	P50, P90, P99, Max float64
}

// bench runs rounds over targets that all run at the same time.
type bench struct {
	o        options
	targets  []*target
	memories []*memory // of the targets
	limits   *limits
	progress *progress
	bodies   *bodies
	run      string               // prefix of the keys of this run
	digests  map[cell][]hash.Hash // of the objects of the warm-up
	results  [][]*result          // of the targets
}

func newBench(o options, targets []*target, limits *limits, progress *progress) *bench {
	b := &bench{o: o, targets: targets, limits: limits, progress: progress, bodies: newBodies(o.text),
		run: strings.ToLower(rand.Text()[:8]), digests: map[cell][]hash.Hash{}}
	b.results = make([][]*result, len(targets))
	for _, t := range targets {
		b.memories = append(b.memories, watchMemory(t.processes))
	}
	return b
}

// measure does a warm-up round and the measured rounds, and samples memory throughout.
func (b *bench) measure(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer stop()
	for _, m := range b.memories {
		watchers.Go(func() { m.run(watching) })
	}
	for round := range b.o.rounds + 1 {
		if err := b.round(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// round runs one round. Round 0 is the warm-up; it checks the hash of everything that it reads.
func (b *bench) round(ctx context.Context, round int) error {
	for _, c := range b.o.cells {
		b.progress.say(b.title(round), c, "preparing")
		made := b.bodies.make(b.fresh(c), c.Size)
		if round == 0 {
			b.digests[c] = digestsOf(made)
		}
		if err := b.limits.measure(c, made, round); err != nil {
			return err
		}
		for _, l := range []load{loadPut, loadGet, loadRepeat, loadMixed} {
			if l != loadPut && !slices.Contains(b.o.loads, l) {
				continue
			}
			if err := b.onEach(ctx, round, c, l, made); err != nil {
				return err
			}
		}
	}
	if slices.Contains(b.o.loads, loadDegraded) {
		return b.degraded(ctx, round)
	}
	return nil
}

// fresh returns how many new bodies a cell needs in a round: for the puts, and for those of the
// mixed load.
func (b *bench) fresh(c cell) int {
	n := c.ops(b.o.volume)
	if slices.Contains(b.o.loads, loadMixed) {
		n += n / (getsPerPut + 1)
	}
	return n
}

func (b *bench) title(round int) string {
	if round == 0 {
		return "warm-up"
	}
	return fmt.Sprintf("round %d/%d", round, b.o.rounds)
}

// degraded reads the objects of the round while data services are stopped.
func (b *bench) degraded(ctx context.Context, round int) (err error) {
	if !slices.ContainsFunc(b.targets, func(t *target) bool { return t.can(loadDegraded) }) {
		return nil
	}
	b.progress.say(b.title(round), "stopping", stoppedServices, "data services")
	defer func() { err = errors.Join(err, b.restartStopped(ctx, round)) }()
	for _, t := range b.targets {
		if err := t.stopSome(); err != nil {
			return err
		}
	}
	if err := settle(ctx); err != nil {
		return err
	}
	for _, c := range b.o.cells {
		if err := b.onEach(ctx, round, c, loadDegraded, nil); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) restartStopped(ctx context.Context, round int) error {
	if round == b.o.rounds || ctx.Err() != nil {
		return nil // not needed again
	}
	b.progress.say(b.title(round), "starting", stoppedServices, "data services again")
	for _, t := range b.targets {
		if err := t.restartStopped(ctx); err != nil {
			return err
		}
	}
	return settle(ctx)
}

func settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settleTime):
		return nil
	}
}

// onEach runs a load on every target in turn. The order alternates between rounds.
func (b *bench) onEach(ctx context.Context, round int, c cell, l load, made []body) error {
	for i := range b.targets {
		at := i
		if round%2 == 1 {
			at = len(b.targets) - 1 - i
		}
		t := b.targets[at]
		if !t.can(l) {
			continue
		}
		b.progress.say(b.title(round), l, c, t.name)
		m, err := b.one(ctx, t, b.memories[at], step{round, c, l, made})
		if err != nil {
			return err
		}
		if m.firstErr != nil {
			b.progress.warn(fmt.Sprintf("%s %s %s: %d errors, the first: %v", t.name, l, c, m.Errors, m.firstErr))
		}
		if round > 0 && slices.Contains(b.o.loads, l) {
			b.resultOf(at, c, l).add(m)
		}
	}
	return nil
}

// step is one load of one cell in one round.
type step struct {
	round int
	cell  cell
	load  load
	made  []body
}

func (b *bench) one(ctx context.Context, t *target, memory *memory, s step) (measurement, error) {
	profiling := startProfiles(ctx, t, b.o.profile, s)
	memory.restart()
	before := cpuSeconds(t.processes)
	m := drive(ctx, s.cell.Clients, s.cell.ops(b.o.volume), b.operation(t.client, s))
	m.CPU = cpuSeconds(t.processes) - before
	m.Peak = memory.restart()
	return m, errors.Join(profiling.finish(), ctx.Err())
}

// operation returns the operation that clients repeat.
func (b *bench) operation(c client, s step) operation {
	n := s.cell.ops(b.o.volume)
	put := func(ctx context.Context, i int, _ []byte) (int64, error) {
		return putOp(ctx, c, b.key(s, i), s.made[i])
	}
	get := func(ctx context.Context, i int, buffer []byte) (int64, error) {
		var want *hash.Hash
		if s.round == 0 {
			want = &b.digests[s.cell][i]
		}
		return getOp(ctx, c, b.key(s, i), s.cell.Size, want, buffer)
	}
	switch s.load {
	case loadPut:
		return put
	case loadMixed:
		return func(ctx context.Context, i int, buffer []byte) (int64, error) {
			if i%(getsPerPut+1) == getsPerPut {
				return put(ctx, n+i/(getsPerPut+1), buffer)
			}
			return get(ctx, i, buffer)
		}
	default:
		return get
	}
}

// key returns the name of the i-th object of a cell and a round.
func (b *bench) key(s step, i int) string {
	return fmt.Sprintf("bench-%s-%d-%s-%d", b.run, s.round, s.cell, i)
}

func (b *bench) resultOf(at int, c cell, l load) *result {
	for _, r := range b.results[at] {
		if r.cell == c && r.Load == l {
			return r
		}
	}
	r := &result{Load: l, cell: c, latencies: newHistogram()}
	b.results[at] = append(b.results[at], r)
	return r
}

func (r *result) add(m measurement) {
	r.Rounds = append(r.Rounds, m)
	r.latencies.Merge(m.latencies)
	if r.Error == "" && m.firstErr != nil {
		r.Error = m.firstErr.Error()
	}
	millis := func(quantile float64) float64 { return float64(r.latencies.ValueAtQuantile(quantile)) / 1e3 }
	r.Millis = quantiles{millis(50), millis(90), millis(99), millis(100)}
}

// total returns the sum of all rounds.
func (r *result) total() (sum measurement) {
	for _, m := range r.Rounds {
		sum.Ops += m.Ops
		sum.Bytes += m.Bytes
		sum.Seconds += m.Seconds
		sum.CPU += m.CPU
		sum.Errors += m.Errors
		sum.Peak = max(sum.Peak, m.Peak)
	}
	return sum
}

// report returns the results of each target.
func (b *bench) report() (list []*measured) {
	for i, t := range b.targets {
		m := &measured{Name: t.name, About: t.about, Results: slices.SortedFunc(slices.Values(b.results[i]), byLoad)}
		m.Peaks, m.Peak = b.memories[i].report()
		for _, c := range b.o.cells {
			m.Limits = append(m.Limits, b.limits.of(c))
		}
		list = append(list, m)
	}
	return list
}
