package suite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fsyncBeforeAnswer watches the system calls of a PUT. kill -9 cannot show a missing fsync, since
// the kernel still writes what it holds; a power cut would lose it.
func fsyncBeforeAnswer(t *testing.T, s *Store) {
	if s.TLS != nil {
		t.Skip("strace cannot read an answer over TLS")
	}
	traces := s.traceStorage(t)
	s.Put(t, NewName(), NewBody(100<<10))
	files := 1
	if redundancy().has(s.chapter) {
		files = Shards
	}
	// strace writes its file late, and a PUT may succeed before the last shard is stored.
	Eventually(t, 10*time.Second, func() error { return durableFiles(traces, files) })
}

// RequireSystemCalls requires that processes with a STORE_ROOT make all of some system calls while do runs.
func (s *Store) RequireSystemCalls(t *testing.T, do func(), names ...string) {
	t.Helper()
	traces := s.traceStorage(t)
	do()
	Eventually(t, 10*time.Second, func() error {
		all := ""
		for _, file := range traces {
			trace, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			all += string(trace)
		}
		for _, name := range names {
			if !strings.Contains(all, " "+name+"(") {
				return fmt.Errorf("no %s in the traces", name)
			}
		}
		return nil
	})
}

// traceStorage attaches strace to every process that has a STORE_ROOT, until the end of the test.
// It returns the file of each trace by the name of the process.
func (s *Store) traceStorage(t *testing.T) map[string]string {
	t.Helper()
	traces, dir := map[string]string{}, t.TempDir()
	for _, p := range s.storageProcesses() {
		traces[p.Name] = filepath.Join(dir, p.Name)
		attachStrace(t, p.PID(), traces[p.Name])
	}
	return traces
}

// attachStrace returns when all later calls of a process will be in the trace. strace may miss a thread that
// begins while it attaches; then it attaches again.
func attachStrace(t *testing.T, pid int, trace string) {
	t.Helper()
	for range 10 {
		detach := startStrace(t, pid, trace)
		if threadsAreTraced(t, pid) {
			t.Cleanup(detach)
			return
		}
		detach()
	}
	require.FailNow(t, "strace does not see all threads")
}

func startStrace(t *testing.T, pid int, trace string) (detach func()) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-tt", "-y", "-s", "64", "-e",
		"trace=openat,write,writev,pwrite64,sendto,fsync,fdatasync,sync_file_range,sendfile,rename,renameat,renameat2,close",
		"-p", strconv.Itoa(pid), "-o", trace)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	if err := cmd.Start(); err != nil {
		noStrace(t, err.Error())
	}
	detach = func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it detaches; or it has ended already
		_, _ = io.Copy(io.Discard, stderr)     // Wait must follow the last read
		_ = cmd.Wait()                         // SIGINT is its exit status
	}
	said, err := bufio.NewReader(stderr).ReadString('\n')
	if !strings.Contains(said, " attached") {
		detach()
		noStrace(t, errors.Join(errors.New(strings.TrimSpace(said)), err).Error())
	}
	return detach
}

// threadsAreTraced reports whether a process has no thread without a tracer. Those that begin later have one.
func threadsAreTraced(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	require.NoError(t, err)
	for _, status := range threads {
		content, err := os.ReadFile(status)
		if err == nil && strings.Contains(string(content), "TracerPid:\t0\n") { // otherwise it has ended
			return false
		}
	}
	return true
}

func noStrace(t *testing.T, reason string) {
	t.Helper()
	notTested(t, "fsync before the answer needs strace and the right to ptrace: "+reason)
}

// notTested skips the test, but fails it in CI, where a skipped test would not be noticed.
func notTested(t *testing.T, reason string) {
	t.Helper()
	message := "not tested: " + reason
	if os.Getenv("CI") == "true" {
		require.FailNow(t, message)
	}
	t.Skip(message)
}

// durableFiles returns nil if the traces have at least n new files and each was stored durably.
func durableFiles(traces map[string]string, n int) error {
	found := 0
	for process, file := range traces {
		trace, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		calls := parseTrace(string(trace))
		for _, temp := range createdTemps(calls) {
			if err := durableBeforeAnswer(calls, temp); err != nil {
				return fmt.Errorf("%s: temp/%s: %w", process, temp, err)
			}
			found++
		}
	}
	if found < n {
		return fmt.Errorf("the traces have %d files created in temp/, not %d", found, n)
	}
	return nil
}

// call is a system call, as strace shows it. Another one happened before it if its end is less than
// the begin of this one.
type call struct {
	text       string
	begin, end int // lines of the trace; end is math.MaxInt while the call runs
}

// parseTrace joins the two lines of a call during which another thread made one:
//
//	71 23:59:59.000000 fsync(9</root/temp/1> <unfinished ...>
//	71 23:59:59.000200 <... fsync resumed>) = 0
func parseTrace(trace string) (calls []call) {
	line := regexp.MustCompile(`^(\d+) +[\d:.]+ (<\.\.\. \w+ resumed>)?(.*?)( <unfinished \.\.\.>)?$`)
	running := map[string]int{} // index in calls, by thread
	lines := strings.Split(trace, "\n")
	for i, text := range lines[:len(lines)-1] { // the last one may be incomplete
		parts := line.FindStringSubmatch(text)
		if parts == nil {
			continue
		}
		thread, resumed, text, unfinished := parts[1], parts[2] != "", parts[3], parts[4] != ""
		at, runs := running[thread]
		switch {
		case resumed && runs:
			calls[at].text, calls[at].end = calls[at].text+text, i
			delete(running, thread)
		case unfinished:
			running[thread] = len(calls)
			calls = append(calls, call{text, i, math.MaxInt})
		case !resumed:
			calls = append(calls, call{text, i, i})
		}
	}
	return calls
}

// createdTemps returns the names of the files that were created in temp/.
func createdTemps(calls []call) (names []string) {
	created := regexp.MustCompile(`^openat\(.*/temp/([^/"]+)", .*O_CREAT.* = \d+`)
	for _, c := range calls {
		if match := created.FindStringSubmatch(c.text); match != nil {
			names = append(names, match[1])
		}
	}
	return names
}

// durableBeforeAnswer returns nil if a file of temp/ was written, fsynced and renamed, then the
// directory was fsynced, and then the answer was sent.
func durableBeforeAnswer(calls []call, temp string) error {
	const answer = `^(write|writev|sendto)\(\d+<(socket|TCP)[^"]*"HTTP/1\.1 200 `
	file := `/temp/` + regexp.QuoteMeta(temp)
	written := last(calls, `^(write|writev|pwrite64)\(\d+<[^>]*`+file+`>`)
	if written == nil {
		return errors.New("nothing was written to it")
	}
	synced := firstAfter(calls, written.end, `^(fsync|fdatasync)\(\d+<[^>]*`+file+`>\) += 0$`)
	if synced == nil {
		return errors.New("it was not fsynced between its last write and its rename")
	}
	renamed := firstAfter(calls, synced.end, `^rename(at|at2)?\(.*`+file+`", .*/objects/[^/]*\) += 0$`)
	if renamed == nil {
		return errors.New("it was not renamed into objects/ after its fsync")
	}
	dirSynced := firstAfter(calls, renamed.end, `^fsync\(\d+<[^>]*/objects>\) += 0$`)
	if dirSynced == nil {
		return errors.New("objects/ was not fsynced after the rename")
	}
	// Answers before the fsync are for the POST and PATCH of an upload in two phases.
	answered := firstAfter(calls, synced.begin, answer)
	if answered == nil || answered.begin < dirSynced.end {
		return errors.New("200 was not sent after the fsync of objects/, but before")
	}
	return nil
}

// firstAfter returns the first call that matches and began after a line of the trace, or nil.
func firstAfter(calls []call, line int, pattern string) *call {
	match := regexp.MustCompile(pattern)
	for _, c := range calls {
		if c.begin > line && match.MatchString(c.text) {
			return &c
		}
	}
	return nil
}

// last returns the last call that matches, or nil.
func last(calls []call, pattern string) (found *call) {
	for c := firstAfter(calls, -1, pattern); c != nil; c = firstAfter(calls, c.begin, pattern) {
		found = c
	}
	return found
}
