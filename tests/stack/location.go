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

// place is where a keeper is to be found: one for each directory that somebody wants a pair in, one
// that is shared by all others who want the same kind from the same source tree, and as many more of
// those as there are who want one alone.
type place struct {
	way        Way
	number     int // from 1 on for those who want one alone
	brokerOnly bool
	source     string // the directory of the module gostore/tests
	dir        string // for data, log and the keeper's program
	temporary  bool   // the keeper removes dir at its end
	lock       string // file that the keeper has locked for as long as it lives
	socket     string // where it answers; short, since a path of over 100 bytes makes no socket
	label      string // marks what the keeper makes outside its directory
}

func placeOf(ctx context.Context, way Way, want Request, number int) (*place, error) {
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
	brokerOnly := want.BrokerOnly && dir != "" // what is shared has all that somebody may need
	what := fmt.Sprint(os.Getuid(), source, way, number, brokerOnly, dir, os.Getenv("RABBITMQ_IMAGE"), os.Getenv("ES_IMAGE"))
	sum := sha256.Sum256([]byte(what))
	label := hex.EncodeToString(sum[:6])
	base := filepath.Join(os.TempDir(), "gostore-stack-"+label)
	p := &place{way: way, number: number, brokerOnly: brokerOnly, source: source, dir: dir, lock: base + ".lock", socket: base + ".sock", label: label}
	if dir == "" {
		p.dir, p.temporary = base, true
	}
	return p, os.MkdirAll(p.dir, 0o755)
}

// sourceDir finds the module that the keeper is built from, wherever in the workspace, or in which
// chapter alone, the caller was started.
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

// startKeeper starts a keeper unless there is one. It hands it the lock, so that the next one starts
// only when this one has ended, in whatever way it does.
func (p *place) startKeeper(ctx context.Context) error {
	lock, err := p.tryLock()
	if err != nil || lock == nil {
		return err
	}
	defer lock.Close() // the keeper has it by then, or nobody needs it
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	program, err := p.build(ctx)
	if err != nil {
		return err
	}
	return p.spawn(program, lock)
}

// tryLock returns nil without an error if somebody else has the lock.
func (p *place) tryLock() (*os.File, error) {
	lock, err := os.OpenFile(p.lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && isStill(lock, p.lock) {
		return lock, nil
	}
	return nil, lock.Close()
}

// isStill tells whether path names the open file: a keeper that ends removes its lock file, and one
// who had it open before has the lock of a file that nobody else will look at.
func isStill(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}

// build makes the keeper's program. Without the tag it has no Docker in it, whose client takes longer
// to build than everything else here together.
func (p *place) build(ctx context.Context) (program string, err error) {
	tag := ""
	if p.way == Docker {
		tag = "docker"
	}
	dir := filepath.Join(p.dir, "bin")
	err = programs.Build(ctx, p.source, "keeper-"+string(p.way), dir, "-tags="+tag, "./cmd/stack")
	return filepath.Join(dir, "stack"), err
}

func (p *place) spawn(program string, lock *os.File) error {
	log, err := os.Create(filepath.Join(p.dir, "keeper.log"))
	if err != nil {
		return err
	}
	defer log.Close() // the keeper has its own
	cmd := exec.Command(program, "keep", "-way", string(p.way), "-dir", p.dir, "-socket", p.socket, "-lock", p.lock,
		"-label", p.label, fmt.Sprintf("-broker-only=%t", p.brokerOnly), fmt.Sprintf("-temporary=%t", p.temporary))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives us if others hold leases
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release() // nobody waits for it: it may end long after us
}
