package browser

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// TestPage opens the page of every chapter and does what the chapter can.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s := newSetup(t)
	chapters, err := filepath.Glob(repository + "/v[0-9]*")
	require.NoError(t, err)
	require.NotEmpty(t, chapters)
	for _, dir := range append(chapters, repository+"/common", repository+"/tests/watch", repository+"/tests/cmd/startup") {
		look := func(_ string, _ fs.DirEntry, err error) error { return err } // see repository
		require.NoError(t, filepath.WalkDir(dir, look))
	}
	for _, dir := range chapters {
		t.Run(filepath.Base(dir), func(t *testing.T) { visit(t, s, dir) })
	}
}

// visits are what there is to do, and the part of a chapter that makes it possible.
func visits() []visitOf {
	return []visitOf{
		{"Follow", ".", follow},
		{"Heartbeats", "apiservice", heartbeats},
		{"Services", "apiservice", services},
		{"Broker", "apiservice", restartBroker},
		{"FrozenAPIService", "apiservice/versions", frozenAPIService},
		{"SameContent", "dataservice/temp", sameContent},
		{"KillTwo", "rs", killTwo},
		{"CorruptShard", "rs", corruptShard},
		{"Hand", "rs", hand},
		{"Uploads", "apiservice/uploads", uploads},
		{"Saving", "rs/table.go", saving},
		{"Maintenance", "apiservice/maintenance", maintenance},
		{"Languages", ".", languages},
	}
}

type visitOf struct {
	name, needs string
	do          func(p *tab)
}

func visit(t *testing.T, s *setup, dir string) {
	t.Helper()
	url := s.start(t, filepath.Base(dir))
	p := s.open(t, url)
	p.waits(`[...document.querySelectorAll("#picture .node")].every((n) => n.dataset.state === "alive")`)
	p.put("photo", 1_000_000)
	p.waits(`[...document.querySelectorAll("#piece-list tr")].every((row) => ["intact", "unverified"].includes(row.dataset.state))`)
	p.click(`[data-key="get photo"]`)
	p.sees("#commands", "photo: 977 KiB in")
	if has(dir, "apiservice/versions") {
		p.sees("#commands", "its SHA-256, made here, is right")
	}
	for _, v := range visits() {
		if has(dir, v.needs) {
			t.Run(v.name, func(t *testing.T) { v.do(p.in(t)) })
		}
	}
	t.Run("Picture", func(t *testing.T) { picture(p.in(t), dir) })
	t.Run("Drop", func(t *testing.T) { drop(p.in(t)) })
	var sent int
	t.Run("Load", func(t *testing.T) { sent = load(p.in(t)) })
	t.Run("WithoutToken", func(t *testing.T) { withoutToken(s.open(t, strings.Split(url, "#")[0])) })
	require.LessOrEqual(t, requests(p.in(t)), sent, "the load has stopped")
}

func has(chapter, path string) bool {
	_, err := os.Stat(filepath.Join(chapter, path))
	return err == nil
}

// in is the tab for a subtest.
func (p *tab) in(t *testing.T) *tab { return &tab{t, p.ctx} }

// follow finds the lines of the last request in the logs.
func follow(p *tab) {
	p.sees("#requests", "GET /objects/photo") // a service answers first, and then writes its line
	p.click("#commands li:first-child button")
	p.sees("#commands li:first-child", "$ grep -h request_id=")
	p.sees("#commands li:first-child .told", "method=GET path=/objects/photo status=200")
}

// drop drops a file on the page.
func drop(p *tab) {
	p.do(chromedp.Evaluate[chromedp.Void](`{
		const dataTransfer = new DataTransfer();
		dataTransfer.items.add(new File(["dropped"], "a note.txt"));
		document.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
	}`))
	p.waits(`document.querySelector('[data-key="get a note.txt"]') !== null`)
	p.sees("#commands", "--data-binary '@a note.txt'")
	p.click(`[data-key="get a note.txt"]`)
	p.sees("#commands", "a note.txt: 7 B in")
}

// load starts the gentle load, sees the counters move, and stops it. It returns how many requests that
// has sent at most.
func load(p *tab) (sent int) {
	before := fmt.Sprintf(`Number(document.getElementById("gets").textContent) > %s`, p.text("#gets"))
	p.click("#load")
	p.sees("#load", "stop the load")
	p.sees("#commands li:first-child", "$ i=0; while sleep 0.33; do ")
	p.waits(`parseInt(document.getElementById("load-count").textContent) >= 4`)
	p.waits(before + ` && Number(document.getElementById("puts").textContent) > 0 && Number(document.getElementById("p99").textContent) > 0`)
	require.Contains(p.t, p.text("#load-count"), ", 0 failed")
	p.click("#load")
	p.sees("#load", "start a gentle load")
	p.sees("#commands li:first-child", "^C")
	return requests(p) + 1 // one may be on its way
}

// requests is how many the load has sent.
func requests(p *tab) int {
	return get(p, chromedp.Evaluate[int](`parseInt(document.getElementById("load-count").textContent)`))
}

// heartbeats hears all data services.
func heartbeats(p *tab) {
	const heard = `[data-name^="dataservice"][aria-label*="heartbeat"]:not([aria-label*=">"])`
	p.waits(fmt.Sprintf("document.querySelectorAll(%q).length === %d", heard, dataServices))
}

// services freezes, thaws, stops and starts a service, with the keyboard.
func services(p *tab) {
	p.do(chromedp.Focus(node("dataservice-6")), chromedp.KeyEvent(kb.Enter))
	for _, step := range []struct{ action, state, command string }{
		{"freeze", "frozen", "$ kill -STOP "}, {"thaw", "alive", "$ kill -CONT "}, {"stop", "dead", "$ kill "}, {"start", "alive", "STORE_ROOT="},
	} {
		p.do(chromedp.WaitEnabled(button(step.action)), chromedp.Focus(button(step.action)), chromedp.KeyEvent(" "))
		p.waits(shows("dataservice-6", step.state))
		p.sees("#commands li:first-child", step.command)
	}
}

// frozenAPIService puts an object through the other one, which also has to list it.
func frozenAPIService(p *tab) {
	p.act("apiservice-1", "freeze")
	p.waits(shows("apiservice-1", "frozen"))
	p.putText("greeting", "while one is frozen")
	p.act("apiservice-1", "thaw")
	p.waits(shows("apiservice-1", "alive"))
}

// sameContent puts a text twice. The second is stored as the first.
func sameContent(p *tab) {
	p.putText("greeting", "hello, world")
	p.putText("hello", "hello, world")
	p.sees("#object-list", "same content as greeting")
}

func restartBroker(p *tab) {
	p.act("broker", "stop")
	p.waits(shows("broker", "dead"))
	p.waits(shows("apiservice-1", "unready"))
	p.click(button("start"))
	p.waits(shows("broker", "alive"))
	p.waits(shows("apiservice-1", "alive"))
	p.waits(shows("apiservice-2", "alive"))
}

// killTwo tries again if it takes long to see, since a busy machine may take its time.
func killTwo(p *tab) {
	const limit, attempts = 2 * time.Second, 5
	both := shows("dataservice-1", "dead") + " && " + shows("dataservice-2", "dead")
	for attempt := range attempts {
		p.act("dataservice-1", "kill")
		p.waits(shows("dataservice-1", "dead"))
		p.click(node("dataservice-2"))
		p.do(chromedp.WaitEnabled(button("kill")))
		killed := time.Now()
		p.click(button("kill"))
		p.waits(both)
		if took := time.Since(killed); took <= limit {
			break
		} else if attempt == attempts-1 {
			require.LessOrEqual(p.t, took, limit, "until both are shown dead")
		}
		startTwo(p)
	}
	colour := chromedp.Evaluate[string](`getComputedStyle(document.querySelector('[data-name="dataservice-1"] .word')).fill`)
	require.Equal(p.t, "rgb(176, 42, 37)", get(p, colour), "dead is red")
	require.Contains(p.t, p.text(`[data-name="dataservice-1"] .word`), "dead", "and says so")
	p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("commands").replaceChildren()`))
	p.click(`[data-key="get photo"]`)
	p.sees("#commands", "its SHA-256, made here, is right")
	startTwo(p)
}

func startTwo(p *tab) {
	for _, service := range []string{"dataservice-1", "dataservice-2"} {
		p.act(service, "start")
		p.waits(shows(service, "alive"))
	}
}

func corruptShard(p *tab) {
	state := func(is string) string {
		return fmt.Sprintf(`document.querySelector('#piece-list tr[data-shard="1"]')?.dataset.state === %q`, is)
	}
	p.put("note", 100_000)
	p.waits(state("intact"))
	p.click(`#piece-list tr[data-shard="1"] [data-key^="dd "]`)
	p.sees("#commands", "conv=notrunc")
	p.waits(state("corrupt"))
	p.click(`[data-key="get note"]`)
	p.waits(state("intact"))
	p.click(`#piece-list tr[data-shard="2"] [data-key^="rm "]`)
	p.sees("#commands", "$ rm ")
	p.click(`[data-key="get note"]`)
	p.waits(strings.Replace(state("intact"), `"1"`, `"2"`, 1))
	p.waits(`Number(document.getElementById("repairs").textContent) >= 2`)
}

// hand takes shards away in the panel "Reed-Solomon by hand".
func hand(p *tab) {
	const limit = 5 * time.Minute // the first time it compiles the standard library for WebAssembly
	p.click("#hand summary")
	p.waitsFor(limit, `document.querySelectorAll("#hand-table tbody tr").length === 6`)
	require.Contains(p.t, p.text("#hand-table tbody tr:nth-child(5)"), "1b 1c 12 14", "the matrix is that of docs/format.md")
	require.Contains(p.t, p.text("#hand-table tbody tr:nth-child(1)"), "68 65 6c", "the first data shard is the text")
	for _, shard := range []int{1, 3} {
		p.click(chromedp.CSS(fmt.Sprintf(`#hand button[data-shard="%d"]`, shard)))
	}
	p.sees("#hand-back", "hello, world")
	require.Contains(p.t, p.text("#hand-result"), "shards 0, 2, 4, 5")
	p.click(`#hand button[data-shard="4"]`)
	p.sees("#hand-result", "too many")
	p.click(`#hand button[data-shard="1"]`)
	p.sees("#hand-back", "hello, world")
	p.click("#hand summary")
}

func languages(p *tab) {
	require.Equal(p.t, "Objects", p.text("#objects-title"))
	p.follow("zh")
	p.sees("#objects-title", "对象")
	p.sees("#connection", "已连接")
	p.do(chromedp.WaitEnabled(chromedp.CSS(`[data-key="get photo"]`))) // the token is not lost
	p.follow("en")
	p.sees("#objects-title", "Objects")
}

func withoutToken(p *tab) {
	p.do(chromedp.WaitVisible(chromedp.CSS("#readonly")))
	p.waits(`document.querySelector("#put button").disabled && document.querySelector('[data-key="get photo"]').disabled`)
}

// picture makes docs/pictures/watch-vN.png and its Chinese twin, if that is asked for.
func picture(p *tab, chapter string) {
	if !updating() {
		return
	}
	name := "photo"
	if has(chapter, "rs/table.go") {
		name = "poem" // compression saves something of it
	}
	if has(chapter, "apiservice/uploads") {
		content := bytes.Repeat([]byte("movie "), 500_000)
		p.patch(p.begin("movie", content), 0, content[:1_234_567])
	}
	for _, version := range []struct{ language, suffix string }{{"zh", ".zh.png"}, {"en", ".png"}} {
		p.follow(version.language)
		p.click(chromedp.CSS(fmt.Sprintf(`[data-key="choose %s"]`, name)))
		if has(chapter, "rs") {
			damage(p)
		}
		p.click(chromedp.CSS(fmt.Sprintf(`[data-key="get %s"]`, name)))
		p.sees("#commands", name+": ", name+"：")
		p.waits(`[...document.querySelectorAll("#picture .node.alive .muted")].every((note) => !note.textContent.includes(">"))`)
		p.waits(`document.querySelector("#upload-list:empty") === null`)
		p.do(chromedp.EmulateViewport(1280, p.height()), chromedp.Evaluate[chromedp.Void](`void scrollTo(0, 0)`))
		p.waits(`scrollY === 0`)
		file := filepath.Join(repository, "docs/pictures/watch-"+filepath.Base(chapter)+version.suffix)
		require.NoError(p.t, os.WriteFile(file, shrink(p.t, get(p, chromedp.CaptureScreenshot())), 0o644))
	}
}

// height is that of the page down to the commands, or of the pictures of chapters without more panels.
func (p *tab) height() int64 {
	const least = 1130
	p.do(chromedp.EmulateViewport(1280, least))
	bottom := get(p, chromedp.Evaluate[float64](`document.querySelector('[aria-labelledby="commands-title"]').getBoundingClientRect().bottom + scrollY`))
	return max(least, int64(bottom)+14)
}

// damage leaves four intact shards of six.
func damage(p *tab) {
	if get(p, chromedp.Evaluate[bool](shows("dataservice-2", "dead"))) {
		return // it is so already
	}
	p.act("dataservice-2", "kill")
	p.act("dataservice-5", "freeze")
	p.waits(shows("dataservice-2", "dead") + " && " + shows("dataservice-5", "frozen"))
}

// shrink gives a screenshot a palette of its most frequent colours, rounded: most of the others are on
// the edges of letters.
func shrink(t *testing.T, shot []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(shot))
	require.NoError(t, err)
	rounded, pixels := image.NewRGBA(full.Bounds()), map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			r, g, b, _ := full.At(x, y).RGBA()
			round := func(c uint32) uint8 { return uint8(min((c>>8)/12*12+6, 255)) }
			at := color.RGBA{round(r), round(g), round(b), 255}
			rounded.Set(x, y, at)
			pixels[at]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(pixels), func(a, b color.Color) int { return pixels[b] - pixels[a] })
	small := image.NewPaletted(full.Bounds(), palette[:min(len(palette), 256)])
	draw.Draw(small, small.Bounds(), rounded, image.Point{}, draw.Src)
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small))
	return out.Bytes()
}
