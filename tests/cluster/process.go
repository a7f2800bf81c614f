package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"gostore/common/httpd"
)

// stopTimeout is more than a service needs to drain.
const stopTimeout = 15 * time.Second

// freezeTimeout is more than the kernel needs to stop all threads.
const freezeTimeout = 10 * time.Second

// logTail is how many bytes of a log are shown.
const logTail = 4 << 10

// Process is one service. It can be stopped and started again any number of times.
type Process struct {
	Name    string
	Address string   // host:port
	Root    string   // STORE_ROOT; empty for a service without
	Debug   string   // host:port of /metrics and /debug/pprof; empty if not served
	Env     []string // settings, NAME=VALUE, but for Debug

	program string // before the first start a glob pattern
	args    []string
	health  string // path that answers 200 when the service is ready
	logFile string
	leash   *leash
	secure  *tls.Config // of a client of the service; nil for plain HTTP

	mu     sync.Mutex
	cmd    *exec.Cmd     // of the latest run; nil before the first
	exited chan struct{} // closed when that run has ended
}

func (p *Process) setRoot(dir string) {
	p.Root = dir
	p.Env = append(p.Env, "STORE_ROOT="+dir)
}

// URL returns the base URL of the service.
func (p *Process) URL() string { return httpd.Scheme(p.secure) + "://" + p.Address }

// Start starts the process. It does not wait until it is healthy.
func (p *Process) Start() error {
	program, err := onlyMatch(p.program)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has a copy
	p.program = program
	cmd := exec.Command(program, p.args...)
	cmd.Env = append(os.Environ(), p.Env...)
	if p.Debug != "" {
		cmd.Env = append(cmd.Env, "DEBUG_ADDRESS="+p.Debug)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = p.leash.attr()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // the result is in cmd.ProcessState
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.exited = cmd, exited
	return nil
}

// onlyMatch returns the single file that matches. The program of a chapter that is one program has
// the chapter's number in its name.
func onlyMatch(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("want one program at %s, have %d", pattern, len(found))
	}
	return found[0], nil
}

// PID returns the process id of the latest run.
func (p *Process) PID() int {
	cmd, _ := p.latest()
	return cmd.Process.Pid
}

// Exited returns a channel that is closed when the latest run has ended.
func (p *Process) Exited() <-chan struct{} {
	_, exited := p.latest()
	return exited
}

func (p *Process) latest() (*exec.Cmd, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.exited
}

// AwaitHealthy waits until the service reports that it is ready. It fails immediately if the
// service has exited.
func (p *Process) AwaitHealthy(ctx context.Context) error {
	err := poll(ctx, func() (again bool, err error) {
		select {
		case <-p.Exited():
			return false, errors.New("it exited")
		default:
			return true, p.healthy(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("%s on %s is not healthy: %w: its log ends with: %s", p.Name, p.Address, err, p.lastLine())
	}
	return nil
}

func (p *Process) healthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL()+p.health, nil)
	if err != nil {
		return err
	}
	request.Close = true // an idle connection would change what tests count
	response, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: p.secure}}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() // read to its end
	line, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(line)))
	}
	return err
}

// Stop sends SIGTERM and waits for the process to exit. It is an error if it exits with another
// code than 0, or not within 15 s, when it is killed. Stopping a process that does not run is no
// error.
func (p *Process) Stop() error {
	cmd, exited := p.latest()
	if cmd == nil || hasEnded(exited) {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGCONT) // a frozen process would not handle SIGTERM
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may just have exited
	select {
	case <-exited:
	case <-time.After(stopTimeout):
		p.Kill()
		return fmt.Errorf("%s did not stop within %v: killed", p.Name, stopTimeout)
	}
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %s", p.Name, cmd.ProcessState)
	}
	return nil
}

func hasEnded(exited <-chan struct{}) bool {
	select {
	case <-exited:
		return true
	default:
		return false
	}
}

// Kill sends SIGKILL and waits until the process has ended.
func (p *Process) Kill() {
	if cmd, exited := p.latest(); cmd != nil {
		_ = cmd.Process.Kill() // it may have ended already
		<-exited
	}
}

// Freeze sends SIGSTOP: the process's ports accept connections but no answer comes. Where the system has /proc it
// returns when no thread runs any more; on a busy machine that takes a while.
func (p *Process) Freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	deadline := time.Now().Add(freezeTimeout)
	for p.runs() {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s runs %s after SIGSTOP", p.Name, freezeTimeout)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// runs reports whether a thread is neither stopped nor dead.
func (p *Process) runs() bool {
	cmd, _ := p.latest()
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", cmd.Process.Pid)) // none without /proc
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread) // "" if it has ended
		_, state, _ := bytes.Cut(stat, []byte(") "))
		if len(state) > 0 && !bytes.ContainsAny(state[:1], "TZX") {
			return true
		}
	}
	return false
}

// Thaw sends SIGCONT.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

// Resume makes the process run again after Stop, Kill or Freeze. It has no effect on a running one.
func (p *Process) Resume() error {
	if hasEnded(p.Exited()) {
		return p.Start()
	}
	return p.Thaw()
}

func (p *Process) signal(s os.Signal) error {
	cmd, _ := p.latest()
	if err := cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s to %s: %w", s, p.Name, err)
	}
	return nil
}

// Command returns the shell command that starts the process, without Debug, so that it stays short.
func (p *Process) Command() string {
	var words []string
	for _, setting := range p.Env {
		name, value, _ := strings.Cut(setting, "=")
		words = append(words, name+"="+Quote(value))
	}
	for _, word := range append([]string{p.program}, p.args...) {
		words = append(words, Quote(word))
	}
	return strings.Join(words, " ")
}

// Quote writes a word for a shell.
func Quote(word string) string {
	if special := regexp.MustCompile(`[^\w@%+=:,./-]`); word != "" && !special.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// LogFile returns the path of the log, which all runs share.
func (p *Process) LogFile() string { return p.logFile }

func (p *Process) lastLine() string {
	tail := p.LogTail()
	return tail[strings.LastIndexByte(tail, '\n')+1:]
}

// LogTail returns the last lines of the log.
func (p *Process) LogTail() string {
	log, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	if cut := len(log) - logTail; cut > 0 {
		_, log, _ = bytes.Cut(log[cut:], []byte("\n"))
	}
	return strings.TrimSpace(string(log))
}
