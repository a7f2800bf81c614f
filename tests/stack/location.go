package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"gostore/tests/programs"
)

// location is where to find a keeper. Each Request.Dir has its own. Requests of one way from one
// source tree without a Dir share location 0; exclusive ones have the locations from 1 on.
type location struct {
	way        Way
	number     int // 0: shared; from 1 on: exclusive
	brokerOnly bool
	source     string // directory of the module gostore/tests
	dir        string // for data, log and the keeper's program
	temporary  bool   // the keeper removes dir at its end
	lock       string // file that the keeper has locked while it runs
	socket     string // where it listens; short, since a path of over 100 bytes is no valid socket
	label      string // marks resources that the keeper creates outside dir
}

func locationOf(ctx context.Context, way Way, want Request, number int) (*location, error) {
	source, err := sourceDir(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(want.Dir)
	if err != nil {
		return nil, err
	}
	if want.Dir == "" {
		dir = ""
	}
	brokerOnly := want.BrokerOnly && dir != "" // a shared pair has both servers
	what := fmt.Sprint(os.Getuid(), source, way, number, brokerOnly, dir, os.Getenv("RABBITMQ_IMAGE"), os.Getenv("ES_IMAGE"))
	sum := sha256.Sum256([]byte(what))
	label := hex.EncodeToString(sum[:6])
	base := filepath.Join(os.TempDir(), "gostore-stack-"+label)
	p := &location{way: way, number: number, brokerOnly: brokerOnly, source: source, dir: dir, lock: base + ".lock", socket: base + ".sock", label: label}
	if dir == "" {
		p.dir, p.temporary = base, true
	}
	return p, os.MkdirAll(p.dir, 0o755)
}

// sourceDir returns the directory of the module that the keeper is built from. The caller may run
// anywhere in the workspace, or in a chapter alone.
func sourceDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "gostore/tests").Output()
	if err != nil {
		return "", fmt.Errorf("find module gostore/tests: %w", withStderr(err))
	}
	return strings.TrimSpace(string(out)), nil
}

func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

// startKeeper starts a keeper unless one runs. The keeper inherits the lock, so the next one cannot
// start before this one has ended, even if it is killed.
func (p *location) startKeeper(ctx context.Context) error {
	lock, err := p.tryLock()
	if err != nil || lock == nil {
		return err
	}
	defer lock.Close() // the keeper has a copy, or was not started
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	program, err := p.build(ctx)
	if err != nil {
		return err
	}
	return p.spawn(program, lock)
}

// tryLock returns nil without an error if another process has the lock.
func (p *location) tryLock() (*os.File, error) {
	lock, err := os.OpenFile(p.lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && isSameFile(lock, p.lock) {
		return lock, nil
	}
	return nil, lock.Close()
}

// isSameFile reports whether path names the open file. A keeper removes its lock file when it ends;
// a process that had opened it before would then lock a file that has no name.
func isSameFile(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}

// build builds the keeper's program. Only with the tag does it contain the Docker client, which
// takes longer to build than everything else together.
func (p *location) build(ctx context.Context) (program string, err error) {
	tag := ""
	if p.way == Docker {
		tag = "docker"
	}
	dir := filepath.Join(p.dir, "bin")
	err = programs.Build(ctx, p.source, "keeper-"+string(p.way), dir, "-tags="+tag, "./cmd/stack")
	return filepath.Join(dir, "stack"), err
}

func (p *location) spawn(program string, lock *os.File) error {
	log, err := os.Create(filepath.Join(p.dir, "keeper.log"))
	if err != nil {
		return err
	}
	defer log.Close() // the keeper has its own
	cmd := exec.Command(program, "keep", "-way", string(p.way), "-dir", p.dir, "-socket", p.socket, "-lock", p.lock,
		"-label", p.label, fmt.Sprintf("-broker-only=%t", p.brokerOnly), fmt.Sprintf("-temporary=%t", p.temporary))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this process if there are other leases
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release() // it may outlive this process
}
