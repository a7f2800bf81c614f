// Package browser tests the page of package watch in Chromium. It is a module of its own, so that no
// other has to require a browser's protocol.
package browser

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// repository leads to the root of the repository. Paths through it are in this module, so that the go
// command runs the tests again when a file there has changed.
const repository = "testdata/repository"

// timeout bounds every wait for something that should happen in a moment.
const timeout = time.Minute

// dataServices is how many startup starts, if the chapter has any.
const dataServices = 6

// setup has what all tests share: startup's program, and a browser in which each opens a tab.
type setup struct {
	startup string
	browser context.Context
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "make the pictures in docs/pictures anew")
	os.Exit(m.Run())
}

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// newSetup skips the test where there is no browser, but fails it in CI, where a skipped test would
// not be noticed.
func newSetup(t *testing.T) *setup {
	t.Helper()
	if os.Getenv("STACK") == string(stack.Docker) {
		t.Skip("readers use the embedded servers; STACK asks for others")
	}
	program := findBrowser()
	if program == "" {
		const message = "the page is not tested: there is no Chromium: on Debian, apt-get install chromium"
		if os.Getenv("CI") == "true" {
			require.FailNow(t, message)
		}
		t.Skip(message)
	}
	s := &setup{startup: filepath.Join(t.TempDir(), "startup")}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.startup, "gostore/tests/cmd/startup").CombinedOutput()
	require.NoError(t, err, "%s", out)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.Flag("lang", "en-US"),
		chromedp.WindowSize(1280, 1000))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root otherwise
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	s.browser, cancel = chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(s.browser), "start %s", program)
	return s
}

func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// start starts a chapter like a reader does, and returns the address that it prints.
func (s *setup) start(t *testing.T, chapter string) (url string) {
	t.Helper()
	first := reserve(t)
	cmd := exec.Command(s.startup, "-chapter", filepath.Join("../..", chapter), "-d", t.TempDir(), "-watch-port", strconv.Itoa(first),
		"-data-port", strconv.Itoa(first+1), "-api-port", strconv.Itoa(first+7))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var problems strings.Builder
	cmd.Stderr, cmd.Env = &problems, append(os.Environ(), "STACK="+string(stack.Embedded), // given servers cannot be stopped
		"KEEP_VERSIONS=20") // chapter 8 begins with a pass
	if updating() { // more maintenance to show
		cmd.Env = append(cmd.Env, "ORPHAN_AGE=30s", "SCAN_INTERVAL=10s")
	}
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for url == "" && lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); strings.Contains(line, "/#") {
			url = line
		}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines.Scan() { // it must not block in a write
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have failed
		reading.Wait()
		require.NoError(t, cmd.Wait(), "%s", problems.String())
	})
	require.NotEmpty(t, url, "startup printed no address: %s", problems.String())
	return url
}

// reserve returns the first of nine consecutive ports.
func reserve(t *testing.T) int {
	t.Helper()
	const n = 9
	for {
		ports, err := cluster.ReservePorts()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, ports.Release()) })
		addresses, err := ports.Take(n)
		require.NoError(t, err)
		first, last := portOf(t, addresses[0]), portOf(t, addresses[n-1])
		if last-first == n-1 {
			return first
		}
	}
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	return number
}

// tab is an open page. Its methods fail the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open opens an address in a new tab. A script's error fails the test.
func (s *setup) open(t *testing.T, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(s.browser)
	p := &tab{t, ctx}
	var listening sync.WaitGroup
	thrown := chromedp.Events(ctx, runtime.ExceptionThrown)
	listening.Go(func() {
		for event, err := range thrown {
			if err == nil {
				t.Errorf("a script fails: %+v", event.ExceptionDetails)
			}
		}
	})
	t.Cleanup(func() { cancel(); listening.Wait() })
	p.do(chromedp.Navigate(url))
	p.sees("#connection", "live", "已连接")
	return p
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, actions...))
}

// click clicks an element when it is there and enabled, in one step: the page may replace it.
func (p *tab) click(selector chromedp.CSS) {
	p.t.Helper()
	p.waits(fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		if (!element || element.disabled) return false;
		element.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
		return true;
	})()`, selector))
}

// follow clicks the link to the page in another language. A question that meets the change of
// documents is an error, so it is asked again.
func (p *tab) follow(language string) {
	p.t.Helper()
	p.click(chromedp.CSS(fmt.Sprintf("nav [lang=%q]", language)))
	shown := chromedp.Evaluate[bool](fmt.Sprintf(`document.documentElement.lang === %q && document.readyState === "complete"`, language))
	require.Eventually(p.t, func() bool {
		yes, err := chromedp.Run(p.ctx, shown)
		return err == nil && yes
	}, timeout, 20*time.Millisecond)
	p.sees("#connection", "live", "已连接")
}

// waits for a condition in JavaScript.
func (p *tab) waits(condition string) {
	p.t.Helper()
	p.waitsFor(timeout, condition)
}

func (p *tab) waitsFor(limit time.Duration, condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(0)))
	require.NoError(p.t, err, condition)
}

// sees waits until an element has one of the texts in it.
func (p *tab) sees(selector string, texts ...string) {
	p.t.Helper()
	var conditions []string
	for _, text := range texts {
		conditions = append(conditions, fmt.Sprintf("(document.querySelector(%q)?.textContent ?? '').includes(%q)", selector, text))
	}
	p.waits(strings.Join(conditions, " || "))
}

// text returns what an element shows.
func (p *tab) text(selector chromedp.CSS) string {
	p.t.Helper()
	return get(p, chromedp.TextContent(selector))
}

// get returns what an action returns.
func get[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	require.NoError(p.t, err)
	return value
}

// shows is the condition that a service has a state in the picture.
func shows(service, state string) string {
	return fmt.Sprintf(`document.querySelector('[data-name=%q]')?.dataset.state === %q`, service, state)
}

// act selects a service or server in the picture and presses one of its buttons.
func (p *tab) act(service, action string) {
	p.t.Helper()
	p.click(node(service))
	p.click(button(action))
}

func node(service string) chromedp.CSS { return chromedp.CSS(fmt.Sprintf(`[data-name=%q]`, service)) }
func button(action string) chromedp.CSS {
	return chromedp.CSS(fmt.Sprintf(`#tools [data-action=%q]`, action))
}

// put puts an object of random bytes with the form.
func (p *tab) put(name string, size int) {
	p.t.Helper()
	p.fill(name, "random", strconv.Itoa(size))
	p.waits(fmt.Sprintf(`document.querySelector('[data-key="get %s"]') !== null && document.querySelector("#chosen").textContent.startsWith(%q)`, name, name))
}

// putText puts a text with the form.
func (p *tab) putText(name, text string) {
	p.t.Helper()
	p.fill(name, "text", text)
	p.waits(fmt.Sprintf(`document.querySelector('[data-key="get %s"]') !== null`, name))
}

// fill fills the form for a kind of content, and sends it.
func (p *tab) fill(name, kind, value string) {
	p.t.Helper()
	p.do(chromedp.SetValue(chromedp.CSS("#put-name"), name), chromedp.SetValue(chromedp.CSS("#put-kind"), kind),
		chromedp.Evaluate[chromedp.Void](`void document.getElementById("put-kind").dispatchEvent(new Event("change"))`),
		chromedp.SetValue(chromedp.CSS("#put-"+kind), value))
	p.click("#put button")
}
