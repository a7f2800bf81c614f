package cluster

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// leash is a process group that is killed when this process ends, even by kill -9: a shell in the
// group waits for the end of its input, and only this process has the other end.
type leash struct {
	shell *exec.Cmd
	input io.Closer
}

func newLeash() (*leash, error) {
	shell := exec.Command("sh", "-c", "cat >/dev/null; kill -9 0") // 0 is the whole group
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, fmt.Errorf("start leash: %w", err)
	}
	return &leash{shell, input}, nil
}

// attr makes a process start in the group.
func (l *leash) attr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: l.shell.Process.Pid}
}

// kill kills all processes of the group.
func (l *leash) kill() error {
	if err := l.input.Close(); err != nil {
		return err
	}
	var killed *exec.ExitError
	if err := l.shell.Wait(); !errors.As(err, &killed) {
		return fmt.Errorf("leash: %w", err) // expected is that it was killed with the others
	}
	return nil
}
