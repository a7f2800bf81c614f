// Package programs builds what tests and startup.sh run.
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

// Build has the go command build commands of a module, with args that say which and how, and puts them
// into dir, which has nothing else. What it built stays under .build/name beside the module: who builds
// the same again waits for a look at the sources and not for the linker. One process at a time builds in
// a source tree; what is in dir, and may be running, is not touched by what others build. It is linked in
// half the time without what a debugger wants.
func Build(ctx context.Context, module, name, dir string, args ...string) error {
	kept := filepath.Join(filepath.Dir(module), ".build", name)
	if err := os.MkdirAll(kept, 0o755); err != nil {
		return err
	}
	turn, err := os.Open(filepath.Dir(kept))
	if err != nil {
		return err
	}
	defer turn.Close() // opened for its lock, which goes with it
	if err := syscall.Flock(int(turn.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", turn.Name(), err)
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-ldflags=-w", "-o", kept + string(filepath.Separator)}, args...)...)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", module, err, strings.TrimSpace(string(out)))
	}
	return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(kept)))
}
