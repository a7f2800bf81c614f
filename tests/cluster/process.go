package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopPatience is more than a service takes to drain.
const stopPatience = 15 * time.Second

// logTail is how much of a log is shown, in bytes.
const logTail = 4 << 10

// Process is one service. It may be stopped and started again, any number of times.
type Process struct {
	Name    string
	Address string   // host:port
	Root    string   // STORE_ROOT; empty if it keeps nothing
	Debug   string   // host:port of its /debug/pprof; empty if it has none
	Env     []string // its settings, NAME=VALUE

	program string // a pattern for it, before the first start
	args    []string
	health  string // the path at which it answers 200 when it is ready
	logFile string
	leash   *leash

	mu     sync.Mutex
	cmd    *exec.Cmd     // of the newest life, nil before the first
	exited chan struct{} // closed when that life is over
}

func (p *Process) giveRoot(dir string) {
	p.Root = dir
	p.Env = append(p.Env, "STORE_ROOT="+dir)
}

func (p *Process) giveDebug(address string) {
	p.Debug = address
	p.Env = append(p.Env, "DEBUG_ADDRESS="+address)
}

// URL is where the service answers HTTP.
func (p *Process) URL() string { return "http://" + p.Address }

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
	defer log.Close() // the process has its own
	p.program = program
	cmd := exec.Command(program, p.args...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = p.leash.attr()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.exited = cmd, exited
	return nil
}

// onlyMatch finds the program of a chapter that is one, whose name has the chapter's number in it.
func onlyMatch(pattern string) (string, error) {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("programs at %s: %d, not one", pattern, len(found))
	}
	return found[0], nil
}

// PID is the process id of the newest life.
func (p *Process) PID() int {
	cmd, _ := p.life()
	return cmd.Process.Pid
}

// Exited is closed when the newest life is over.
func (p *Process) Exited() <-chan struct{} {
	_, exited := p.life()
	return exited
}

func (p *Process) life() (*exec.Cmd, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.exited
}

// AwaitHealthy waits until the service answers that it is ready. It fails at once if it has exited.
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
	request.Close = true // leaves no connection that a test would count
	response, err := http.DefaultClient.Do(request)
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

// Stop asks the process to stop and waits for it. It is an error if it does not exit with 0, or is
// still there after 15 s, when it is killed. A process that is not running is stopped already.
func (p *Process) Stop() error {
	cmd, exited := p.life()
	if cmd == nil || hasEnded(exited) {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGCONT) // one that was frozen could not hear
	_ = cmd.Process.Signal(syscall.SIGTERM) // if it is gone by now, so be it
	select {
	case <-exited:
	case <-time.After(stopPatience):
		p.Kill()
		return fmt.Errorf("%s did not stop within %v: killed", p.Name, stopPatience)
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

// Kill kills the process (SIGKILL) and waits until it is gone.
func (p *Process) Kill() {
	if cmd, exited := p.life(); cmd != nil {
		_ = cmd.Process.Kill() // gone already is as good
		<-exited
	}
}

// Freeze stops the process in its tracks (SIGSTOP): its ports accept and nothing answers.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

// Resume has the process run again, whether it was stopped, killed or frozen. One that runs goes on.
func (p *Process) Resume() error {
	if hasEnded(p.Exited()) {
		return p.Start()
	}
	return p.Thaw()
}

func (p *Process) signal(s os.Signal) error {
	cmd, _ := p.life()
	if err := cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s to %s: %w", s, p.Name, err)
	}
	return nil
}

// Command is what to type to start the process by hand.
func (p *Process) Command() string {
	return strings.Join(slices.Concat(p.Env, []string{p.program}, p.args), " ")
}

func (p *Process) lastLine() string {
	tail := p.LogTail()
	return tail[strings.LastIndexByte(tail, '\n')+1:]
}

// LogTail returns the last lines of the log, over all lives.
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
