package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// compareWithGit runs git diff on two directories in dir. It ignores the user's git configuration,
// since the output is parsed and quoted in the docs.
func compareWithGit(ctx context.Context, dir string, args ...string) (string, error) {
	args = append([]string{"-c", "core.quotePath=false", "diff", "--no-index", "--no-color", "--no-ext-diff", "-M"}, args...)
	out, err := gitEnv(ctx, dir, []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}, args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 { // they differ
		err = nil
	}
	return out, err
}

// Git runs git in dir and returns its standard output. An error includes standard error and wraps
// *exec.ExitError if git exited with another status than 0.
func Git(ctx context.Context, dir string, args ...string) (string, error) {
	return gitEnv(ctx, dir, nil, args...)
}

func gitEnv(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("git: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// list returns the files of the chapter in dir, as paths relative to dir.
func list(ctx context.Context, dir string) ([]string, error) {
	out, err := Git(ctx, dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	paths := strings.FieldsFunc(out, func(r rune) bool { return r == 0 })
	if err != nil && strings.Contains(err.Error(), "not a git repository") {
		paths, err = walk(dir)
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(paths, func(path string) bool {
		_, err := os.Stat(filepath.Join(dir, path))
		return filepath.Base(path) == "go.sum" || errors.Is(err, fs.ErrNotExist) // deleted, but still in the index
	}), nil
}

// walk returns all files below dir, as paths relative to dir.
func walk(dir string) (paths []string, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

// records splits the output of git diff --numstat -z into ADDED, REMOVED, OLD, NEW. For directories,
// git writes every file in the form for renames, with /dev/null for a missing side.
func records(numstat string) iter.Seq[[4]string] {
	return func(yield func([4]string) bool) {
		fields := strings.Split(numstat, "\x00")
		for ; len(fields) >= 3; fields = fields[3:] {
			added, rest, _ := strings.Cut(fields[0], "\t")
			removed := strings.TrimSuffix(rest, "\t")
			if !yield([4]string{added, removed, fields[1], fields[2]}) {
				return
			}
		}
	}
}

func parse(record [4]string) (f File, binary bool) {
	f = File{Old: notNull(record[2]), New: notNull(record[3])}
	if record[0] == "-" {
		return f, true
	}
	f.Lines.Added, _ = strconv.Atoi(record[0])   // git writes a number or "-"
	f.Lines.Removed, _ = strconv.Atoi(record[1]) // likewise
	return f, false
}

func notNull(path string) string {
	if path == "/dev/null" {
		return ""
	}
	return path
}
