package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const chapter1, chapter5 = "../../../v1", "../../../v5"

// optionsFor returns options of a run that takes little time.
func optionsFor(t *testing.T, args ...string) options {
	few := []string{"-rounds", "2", "-cells", "1KiBx2,64KiBx1", "-volume", "64KiB", "-dir", t.TempDir()}
	o, err := parse(append(few, args...))
	require.NoError(t, err)
	return o
}

// measure returns what a run prints and the report that it writes as JSON.
func measure(t *testing.T, o options) (printed string, r report) {
	o.json = filepath.Join(t.TempDir(), "report.json")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), o, &out))
	requireEmpty(t, o.dir)
	content, err := os.ReadFile(o.json)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &r))
	for _, target := range r.Targets {
		for _, result := range target.Results {
			require.Empty(t, result.Error, "%s %s %s", target.Name, result.Load, result.cell)
		}
	}
	return out.String(), r
}

func requireEmpty(t *testing.T, dir string) {
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left behind")
}

func TestChapterIsMeasured(t *testing.T) {
	printed, r := measure(t, optionsFor(t, chapter1))
	require.Contains(t, printed, "| put 1KiBx2 ")
	require.NotContains(t, printed, "degraded 1KiBx2", "it has one server")
	require.Len(t, r.Targets, 1)
	v1 := r.Targets[0]
	require.Equal(t, chapter1, v1.Name)
	require.Positive(t, v1.Peak)
	require.Len(t, v1.Results, 4*2, "loads and cells")
	for _, result := range v1.Results {
		require.Len(t, result.Rounds, 2)
		for _, round := range result.Rounds {
			require.Equal(t, result.ops(64<<10), round.Ops)
			require.Equal(t, int64(round.Ops)*result.Size, round.Bytes)
			require.Zero(t, round.Errors)
			require.Positive(t, round.Seconds)
		}
		require.Positive(t, result.Millis.P50)
		require.GreaterOrEqual(t, result.Millis.Max, result.Millis.P99)
	}
	require.Len(t, v1.Limits, 2)
	for _, limit := range v1.Limits {
		for _, load := range []load{loadPut, loadGet, loadMixed} {
			require.Positive(t, limit.Bounds[load])
		}
	}
}

func TestServicesAreProfiledAndServersCounted(t *testing.T) {
	t.Setenv("STACK", "embedded")
	dir := t.TempDir()
	o := optionsFor(t, "-loads", "get", "-cells", "1KiBx1", "-rounds", "1", "-profile", dir, chapter5)
	printed, r := measure(t, o)
	require.NotContains(t, printed, "put 1KiBx1", "it was not requested")
	require.Contains(t, r.Targets[0].Peaks, "rabbitmq+elasticsearch")
	require.Len(t, r.Targets[0].Peaks, dataServices+2)
	profiles, err := filepath.Glob(filepath.Join(dir, "v5", "get-1KiBx1", "apiservice-1-1-*.pprof"))
	require.NoError(t, err)
	require.NotEmpty(t, profiles)
	content, err := os.ReadFile(profiles[0])
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(content, []byte{0x1f, 0x8b}), "a profile is gzip")
}

// TestGrow has links and versions that are never read, and a plot.
func TestGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a store has settled, twice")
	}
	t.Setenv("STACK", "embedded")
	plot := filepath.Join(t.TempDir(), "plot.svg")
	o := optionsFor(t, "-loads", "put,get", "-cells", "1KiBx1", "-rounds", "1", "-grow", "100,300", "-plot", plot, chapter5)
	printed, r := measure(t, o)
	require.Regexp(t, `\| 300 +\| +[\d.]+ \| +[\d.]+ \| +[\d.]+ \| +[\d.]+ \|`, printed)
	require.Len(t, r.Growth, 2)
	for _, g := range r.Growth {
		require.Len(t, g.Results, 2)
		require.Empty(t, g.Results[0].Error)
		require.Positive(t, g.Start)
		require.Positive(t, g.Memory)
	}
	content, err := os.ReadFile(plot)
	require.NoError(t, err)
	require.Contains(t, string(content), "objects there already")
}

// TestFill has as many shards and versions as it says.
func TestFill(t *testing.T) {
	t.Setenv("STACK", "embedded")
	o := optionsFor(t, chapter5)
	c, err := openTarget(t.Context(), chapter5, o.dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.close()) })
	g := growth{Objects: 30}
	require.NoError(t, g.fill(t.Context(), c, 0))
	for _, p := range c.data {
		files, err := os.ReadDir(filepath.Join(p.Root, "objects"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(files), 30)
	}
	_, err = c.client.get(t.Context(), "grow-29")
	require.ErrorContains(t, err, "503", "its shards cannot be read")
	_, err = c.client.get(t.Context(), "grow-30")
	require.ErrorContains(t, err, "404")
}

func TestCompare(t *testing.T) {
	s3 := newFakeS3(t)
	printed, r := measure(t, optionsFor(t, "-compare", chapter1, s3.URL))
	require.Contains(t, printed, "**"+chapter1+" and "+strings.TrimPrefix(s3.URL, "http://")+"**, in turns")
	require.Len(t, r.Targets, 2)
	require.Len(t, r.Ratios, 4*2)
	require.Regexp(t, `\| peak MiB +\| +\d`, printed)
	for _, ratio := range r.Ratios {
		require.Len(t, ratio.Rounds, 2)
		require.Positive(t, ratio.Median)
	}
	require.Positive(t, s3.puts)
	require.Zero(t, s3.unsigned)
	require.Empty(t, s3.objects, "the bucket was emptied and removed")
}

func TestUnsigned(t *testing.T) {
	s3 := newFakeS3(t)
	measure(t, optionsFor(t, "-unsigned", s3.URL))
	require.Positive(t, s3.puts)
	require.Equal(t, s3.puts, s3.unsigned)
}

func TestWrongBytesAreErrors(t *testing.T) {
	s3 := newFakeS3(t)
	c, err := openTarget(t.Context(), s3.URL, t.TempDir(), optionsFor(t, s3.URL))
	require.NoError(t, err)
	b := newBodies(false).make(1, 1000)[0]
	_, err = putOp(t.Context(), c.client, "key", b)
	require.NoError(t, err)
	buffer := make([]byte, 100)
	n, err := getOp(t.Context(), c.client, "key", 1000, &b.digest, buffer)
	require.NoError(t, err)
	require.Equal(t, int64(1000), n)
	_, err = getOp(t.Context(), c.client, "key", 1001, nil, buffer)
	require.ErrorContains(t, err, "1000 bytes instead of 1001")
	s3.broken = true
	_, err = getOp(t.Context(), c.client, "key", 1000, &b.digest, buffer)
	require.ErrorContains(t, err, "wrong SHA-256")
	require.NoError(t, c.close())
}

func TestFailedOperationsAreCounted(t *testing.T) {
	m := drive(t.Context(), 3, 10, func(_ context.Context, i int, _ []byte) (int64, error) {
		if i%2 == 1 {
			return 0, io.ErrClosedPipe
		}
		return 7, nil
	})
	require.Equal(t, 5, m.Ops)
	require.Equal(t, int64(35), m.Bytes)
	require.Equal(t, 5, m.Errors)
	require.ErrorIs(t, m.firstErr, io.ErrClosedPipe)
	require.Equal(t, int64(5), m.latencies.TotalCount())
}

func TestInterruptedRunLeavesNothing(t *testing.T) {
	o := optionsFor(t, "-rounds", "1000000", chapter1)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan error)
	go func() { ended <- run(ctx, o, io.Discard) }()
	require.Eventually(t, func() bool { // there are objects
		found, err := filepath.Glob(filepath.Join(o.dir, "*", "v1-*", "1", "objects", "bench-*"))
		return err == nil && len(found) > 0
	}, time.Minute, 10*time.Millisecond)
	interrupt()
	require.ErrorIs(t, <-ended, context.Canceled)
	requireEmpty(t, o.dir)
}

func TestBodiesAreDistinct(t *testing.T) {
	for _, text := range []bool{false, true} {
		b := newBodies(text)
		seen := map[string]bool{}
		for range 3 {
			for _, made := range b.make(4, 100) {
				require.Len(t, made.bytes, 100)
				require.False(t, seen[made.hex()])
				seen[made.hex()] = true
			}
		}
	}
}

// TestContent requires that random bodies cannot be compressed, and that text is to about a quarter.
func TestContent(t *testing.T) {
	for content, want := range map[string]float64{"random": 1, "text": 0.23} {
		b := newBodies(optionsFor(t, "-content", content, ".").text).make(1, 1<<20)[0]
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(b.bytes)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.InDelta(t, want, float64(packed.Len())/(1<<20), 0.05, content)
	}
	_, err := parse([]string{"-content", "music", "."})
	require.ErrorContains(t, err, "neither random nor text")
}

func TestCells(t *testing.T) {
	for text, want := range map[string]cell{"1Bx1": {1, 1}, "4KiBx16": {4096, 16}, "64MiBx4": {64 << 20, 4}, "3GiBx1": {3 << 30, 1}} {
		c, err := parseCell(text)
		require.NoError(t, err)
		require.Equal(t, want, c)
		require.Equal(t, text, c.String())
	}
	for _, text := range []string{"", "x", "4KiB", "4KiBx", "4KiBx0", "4KiBx-1", "x4", "0KiBx1", "-4KiBx1", "4kbx1", "4x4"} {
		_, err := parseCell(text)
		require.Error(t, err, text)
	}
	require.Equal(t, 4, cell{64 << 20, 1}.ops(256<<20))
	require.Equal(t, 8, cell{64 << 20, 4}.ops(256<<20), "no client idles")
	require.Equal(t, 200, cell{4 << 10, 1}.ops(256<<20))
	require.Equal(t, 6400, cell{1 << 10, 64}.ops(256<<20))
}

func TestInvalidOptions(t *testing.T) {
	for _, args := range [][]string{
		{}, {"-compare", "v5"}, {"-compare", "v1", "v2", "v3"}, {"-rounds", "0", "v5"}, {"-loads", "put,take", "v5"}, {"-cells", "4", "v5"},
		{"-volume", "much", "v5"},
	} {
		o, err := parse(args)
		require.Error(t, err, "%v gives %v", args, o)
	}
	for _, name := range []string{"nowhere", "../../../docs", "http://127.0.0.1:1"} {
		o := optionsFor(t, name)
		require.Error(t, run(t.Context(), o, io.Discard), name)
		requireEmpty(t, o.dir)
	}
	require.ErrorContains(t, run(t.Context(), optionsFor(t, "-minio", "no-such-program", "minio"), io.Discard), "-minio")
}

func TestMedian(t *testing.T) {
	require.InDelta(t, 2, median([]float64{9, 1, 2}), 0)
	require.InDelta(t, 3, median([]float64{9, 1, 2, 4}), 0)
}

func TestTable(t *testing.T) {
	var tab table
	tab.add("load", "ops/s")
	tab.add("put", "7")
	tab.add("degraded", "1234")
	var out strings.Builder
	tab.write(&out)
	require.Equal(t, "| load     | ops/s |\n| -------- | ----: |\n| put      |     7 |\n| degraded |  1234 |\n\n", out.String())
	for x, want := range map[float64]string{0.123: "0.12", 9.994: "9.99", 9.996: "10.0", 99.94: "99.9", 99.96: "100", 1234.5: "1234"} {
		require.Equal(t, want, number(x))
	}
}

func TestSettings(t *testing.T) {
	for name, want := range map[string][]string{
		"v8":                      {"v8"},
		"A=1 B=2s ../v8":          {"A=1", "B=2s", "../v8"},
		"A=1 /my chapters/v8":     {"A=1", "/my chapters/v8"},
		"/my chapters, b=2/a b=1": {"/my chapters, b=2/a b=1"},
		"":                        {""},
	} {
		settings, chapter := settingsOf(name)
		require.Equal(t, want, append(settings, chapter))
	}
}
