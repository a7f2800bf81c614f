package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"gostore/tests/cmd/chapterdiff/step"
)

// source is the chapter with the fix, in the working tree, and the revision without it.
type source struct{ root, chapter, base string }

// change is one file of the fix.
type change struct {
	path     string // relative to the chapter
	old, new *file  // nil if the file does not exist
}

type file struct {
	content []byte
	mode    fs.FileMode
}

// result is what applying a change did to a file.
type result string

const (
	merged    result = "merged"
	unchanged result = "unchanged"
	conflict  result = "conflict"
	missing   result = "missing"
)

// changes returns the files that differ between base and the working tree, by path.
func (s source) changes(ctx context.Context) (changes []change, err error) {
	dir := filepath.Join(s.root, s.chapter)
	tracked, err := step.Git(ctx, dir, "diff", "--name-only", "--no-renames", "--relative", "-z", s.base, "--", ".")
	if err != nil {
		return nil, err
	}
	created, err := step.Git(ctx, dir, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return nil, err
	}
	paths := strings.FieldsFunc(tracked+created, func(r rune) bool { return r == 0 })
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if filepath.Base(path) == "go.sum" {
			continue
		}
		c := change{path: path}
		if c.old, err = s.before(ctx, path); err != nil {
			return nil, err
		}
		if c.new, err = read(filepath.Join(dir, path)); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// before returns the version of the file in base, nil if there is none.
func (s source) before(ctx context.Context, path string) (*file, error) {
	dir := filepath.Join(s.root, s.chapter)
	found, err := step.Git(ctx, dir, "ls-tree", "--name-only", "-z", s.base, "--", path)
	if err != nil || found == "" {
		return nil, err
	}
	content, err := step.Git(ctx, dir, "show", s.base+":./"+path)
	return &file{content: []byte(content)}, err
}

// read returns nil without an error if there is no such file.
func read(path string) (*file, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return &file{content, info.Mode()}, nil
}

// apply carries the change to a chapter.
func (c change) apply(ctx context.Context, root, chapter string) (result, error) {
	path := filepath.Join(root, chapter, c.path)
	ours, err := read(path)
	if err != nil {
		return "", err
	}
	old, changed := c.old.in(chapter), c.new.in(chapter)
	switch {
	case ours == nil && c.old == nil:
		return create(path, changed, c.new.mode)
	case ours == nil:
		return missing, nil
	case c.new == nil && !bytes.Equal(ours.content, old):
		return conflict, nil
	case c.new == nil:
		return merged, os.Remove(path)
	}
	return merge(ctx, path, old, changed)
}

// in returns the content as it would be in a chapter, nil without a file.
func (f *file) in(chapter string) []byte {
	if f == nil {
		return nil
	}
	return step.WithModule(f.content, strings.TrimPrefix(chapter, "v"))
}

// create writes a new file, if its directory exists.
func create(path string, content []byte, mode fs.FileMode) (result, error) {
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return missing, nil
	}
	return merged, os.WriteFile(path, content, mode)
}

// merge merges the difference between old and changed into the file at path.
func merge(ctx context.Context, path string, old, changed []byte) (_ result, err error) {
	tmp, err := os.MkdirTemp("", "port-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	base, theirs := filepath.Join(tmp, "base"), filepath.Join(tmp, "theirs")
	if err := errors.Join(os.WriteFile(base, old, 0o600), os.WriteFile(theirs, changed, 0o600)); err != nil {
		return "", err
	}
	return mergeFiles(ctx, path, base, theirs)
}

// maxConflicts is the largest exit status of git merge-file that is a number of conflicts.
const maxConflicts = 127

// mergeFiles runs git merge-file.
func mergeFiles(ctx context.Context, path, base, theirs string) (result, error) {
	before, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	ours, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	_, err = step.Git(ctx, filepath.Dir(base), "merge-file",
		"-L", "this chapter", "-L", "before the fix", "-L", "the fix", ours, base, theirs)
	var exit *exec.ExitError
	if errors.As(err, &exit) && 0 < exit.ExitCode() && exit.ExitCode() <= maxConflicts {
		return conflict, nil
	}
	if err != nil {
		return "", err
	}
	after, err := os.ReadFile(path)
	if bytes.Equal(before, after) {
		return unchanged, err
	}
	return merged, err
}
