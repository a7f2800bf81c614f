// Command bench measures the speed of a store, and what the machine itself can do:
//
//	go run ./tests/cmd/bench v5                       a chapter, which it starts
//	go run ./tests/cmd/bench v1 v2 v3 v4 v5           several, one after the other
//	go run ./tests/cmd/bench -minio PATH -compare v5 minio
//	go run ./tests/cmd/bench -seaweedfs PATH -compare v5 seaweedfs
//	go run ./tests/cmd/bench -compare "SCAN_INTERVAL=1s v8" v8   settings of services, as in a shell
//	go run ./tests/cmd/bench -grow 1000,100000 -plot growth.svg v9   with so many objects there already
//	go run ./tests/cmd/bench http://localhost:9000    an S3 endpoint; keys from AWS_*
//
// The keys are those of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
//
// A chapter runs as six data services, or as many as -services says, and one API service; minio as six MinIO
// processes with a drive each; seaweedfs as a master, six volume servers, a filer and an S3 gateway. With -compare two
// targets run at the same time and are measured in turns, step by step, so that other activity on the machine
// affects both. The output is Markdown.
// docs/performance.md describes the method and how to read the output.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills: removing a million files may take long
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

type options struct {
	args     []string
	targets  []string
	compare  bool
	loads    []load
	cells    []cell
	rounds   int
	services int   // data services of a chapter
	grow     []int // objects that are there before
	plot     string
	volume   int64 // bytes per round of a cell
	dir      string
	json     string // file, or empty
	profile  string // directory, or empty
	minio    string
	seaweed  string
	unsigned bool
	text     bool // what objects have
}

const defaultCells = "4KiBx1,4KiBx16,1KiBx64,1MiBx1,1MiBx8,64MiBx1,64MiBx4"

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench [flags] TARGET…   each a chapter's directory, minio, seaweedfs, or the URL of an S3 endpoint") //nolint:errcheck // there is nowhere else to tell
		flags.PrintDefaults()
	}
	setLoads, setCells := listOf(&o.loads, parseLoad), listOf(&o.cells, parseCell)
	o.args, o.loads, o.volume = args, allLoads(), 256*mib
	if err := setCells(defaultCells); err != nil {
		return o, err
	}
	flags.BoolVar(&o.compare, "compare", false, "measure two targets in turns, and print ratios")
	flags.Func("loads", "`list` of put, get, repeat, mixed, degraded (default all)", setLoads)
	flags.Func("cells", "`list` of sizes and clients (default "+defaultCells+")", setCells)
	flags.IntVar(&o.rounds, "rounds", 5, "measured rounds; a warm-up round precedes them")
	flags.Func("volume", "approximate `size` of all objects of a cell in one round (default 256MiB)", func(s string) (err error) {
		o.volume, err = parseSize(s)
		return err
	})
	flags.Func("content", "`kind` of objects: random or text (default random)", func(s string) error {
		o.text = s == "text"
		if s != "text" && s != "random" {
			return errors.New("neither random nor text")
		}
		return nil
	})
	flags.Func("grow", "`list` of numbers of objects that are there already, like 1000,100000: measure with each", listOf(&o.grow, parseCount))
	flags.StringVar(&o.plot, "plot", "", "`file` for a plot of -grow, SVG")
	flags.IntVar(&o.services, "services", dataServices, "data services of a chapter, six or more")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "`directory` on the disk to measure; a temporary one is created in it")
	flags.StringVar(&o.json, "json", "", "`file` for everything as JSON")
	flags.StringVar(&o.profile, "profile", "", "`directory` for CPU profiles of a chapter's services")
	flags.StringVar(&o.minio, "minio", "minio", "`program` to run for the target minio")
	flags.StringVar(&o.seaweed, "seaweedfs", "weed", "`program` to run for the target seaweedfs")
	flags.BoolVar(&o.unsigned, "unsigned", false, "put to S3 without a digest for the server to check")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.targets = flags.Args()
	return o, o.check()
}

func (o options) check() error {
	switch {
	case len(o.targets) == 0:
		return errors.New("no target: see -h")
	case o.compare && len(o.targets) != 2:
		return errors.New("-compare takes two targets")
	case len(o.grow) > 0 && len(o.targets) != 1:
		return errors.New("-grow takes one target")
	case !ascending(o.grow):
		return errors.New("-grow: more objects each time")
	case o.plot != "" && len(o.grow) < 2:
		return errors.New("-plot: there is nothing to plot without -grow and two numbers")
	case o.rounds < 1:
		return errors.New("-rounds: at least one")
	case o.services < dataServices:
		return fmt.Errorf("-services: at least %d", dataServices)
	}
	return nil
}

// run measures and writes the results to w. When it returns, nothing is left but the files that
// were requested.
func run(ctx context.Context, o options, w io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "gostore-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	spread(dir)
	r := newReport(o.args)
	r.writeHead(w)
	if len(o.grow) > 0 {
		err = r.grow(ctx, o, dir, w)
	} else {
		err = r.measure(ctx, o, dir, w)
	}
	if err != nil || o.json == "" {
		return err
	}
	return r.save(o.json)
}

// measure measures each group of targets.
func (r *report) measure(ctx context.Context, o options, dir string, w io.Writer) error {
	for _, names := range o.groups() {
		group, err := measureGroup(ctx, o, dir, names)
		if err != nil {
			return err
		}
		r.Targets = append(r.Targets, group...)
		group[0].writeLimits(w, o.loads)
		for _, m := range group {
			m.write(w)
		}
	}
	switch {
	case o.compare:
		r.Ratios = compare(r.Targets[0], r.Targets[1])
		r.writeRatios(w)
	case len(r.Targets) > 1:
		r.writeSideBySide(w)
	}
	return nil
}

// groups returns the targets by group; those of a group run at the same time.
func (o options) groups() (groups [][]string) {
	if o.compare {
		return [][]string{o.targets}
	}
	for _, name := range o.targets {
		groups = append(groups, []string{name})
	}
	return groups
}

// measureGroup measures targets that run at the same time. None of them runs when it returns.
func measureGroup(ctx context.Context, o options, dir string, names []string) (list []*measured, err error) {
	progress := newProgress()
	defer progress.done()
	var targets []*target
	defer func() {
		progress.say("stopping")
		for _, t := range targets {
			err = errors.Join(err, t.close())
		}
	}()
	for _, name := range names {
		progress.say("starting", name)
		own, err := os.MkdirTemp(dir, filepath.Base(name)+"-")
		if err != nil {
			return nil, err
		}
		t, err := openTarget(ctx, name, own, o)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	limits, err := newLimits(dir)
	if err != nil {
		return nil, err
	}
	defer limits.close()
	b := newBench(o, targets, limits, progress)
	if err := b.measure(ctx); err != nil {
		return nil, err
	}
	return b.report(), nil
}
