// Package programs builds the commands that tests and startup.sh run.
package programs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Build runs go build in a module with args, and makes dir a copy of the resulting programs;
// anything else in dir is removed. The programs are cached in .build/name beside the module, so
// that building them again takes a check of the sources instead of a link. One process at a time
// builds in a source tree. Programs that run from dir are not affected by other builds. Without
// debug information linking takes half the time.
func Build(ctx context.Context, module, name, dir string, args ...string) error {
	cached := filepath.Join(filepath.Dir(module), ".build", name)
	if err := os.MkdirAll(cached, 0o755); err != nil {
		return err
	}
	lock, err := os.Open(filepath.Dir(cached))
	if err != nil {
		return err
	}
	defer lock.Close() // closing releases the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-ldflags=-w", "-o", cached + string(filepath.Separator)}, args...)...)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", module, err, strings.TrimSpace(string(out)))
	}
	return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(cached)))
}
