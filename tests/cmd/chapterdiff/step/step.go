// Package step measures what one chapter of go-store adds to the one before it.
//
// Chapters are compared as git compares two commits, with renames found, after the module path that
// every chapter has for itself (gostore/chapter1, gostore/chapter2) has been made the same in both:
// a file that differs in nothing else is unchanged. go.sum and what git ignores are left out.
package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a line belongs to.
type Kind string

const (
	Code  Kind = "Go"      // .go files that are not tests
	Test  Kind = "test Go" // _test.go files
	Other Kind = "other"   // scripts, go.mod, text
)

// Lines are counted as diff counts them: a changed line is one added and one removed, and blank and
// comment lines count too.
type Lines struct{ Added, Removed int }

// File is one that differs between the chapters, or has moved.
type File struct {
	Old, New string // slash-separated, from the root: v1/objects/get.go; empty if it is on the other side only
	Lines    Lines  // none for binary files
}

// Name is what the file is called in the later chapter or, if it is gone, was called in the earlier.
func (f File) Name() string {
	if f.New == "" {
		return f.Old
	}
	return f.New
}

// Moved reports whether the file is in both chapters, under different paths.
func (f File) Moved() bool {
	return f.Old != "" && f.New != "" && inChapter(f.Old) != inChapter(f.New)
}

// inChapter cuts the chapter off a path.
func inChapter(path string) string {
	_, rest, _ := strings.Cut(path, "/")
	return rest
}

// Kind tells by its name what the file is.
func (f File) Kind() Kind {
	switch name := f.Name(); {
	case strings.HasSuffix(name, "_test.go"):
		return Test
	case strings.HasSuffix(name, ".go"):
		return Code
	}
	return Other
}

// Step is the way from one chapter to another.
type Step struct {
	From, To  string // v1, v2
	Diff      string // unified, as git prints it
	Files     []File // by Name
	Unchanged int    // files of From that To has byte for byte, wherever; of binary ones only those in the same place
	Before    int    // files of From
}

// Total adds up the lines of all files of a kind.
func (s *Step) Total(kind Kind) Lines {
	var sum Lines
	for _, f := range s.Files {
		if f.Kind() == kind {
			sum.Added += f.Lines.Added
			sum.Removed += f.Lines.Removed
		}
	}
	return sum
}

// Between measures the step between two chapters, which are directories of root. It needs git, and
// that root is a repository only to know which files are ignored.
func Between(ctx context.Context, root, from, to string) (s *Step, err error) {
	tmp, err := os.MkdirTemp("", "chapterdiff-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	s = &Step{From: from, To: to}
	if s.Before, err = copyChapter(ctx, root, from, tmp); err != nil {
		return nil, err
	}
	if _, err = copyChapter(ctx, root, to, tmp); err != nil {
		return nil, err
	}
	return s, s.compare(ctx, tmp)
}

func (s *Step) compare(ctx context.Context, dir string) (err error) {
	if s.Diff, err = compareWithGit(ctx, dir, "--no-prefix", s.From, s.To); err != nil {
		return err
	}
	sizes, err := compareWithGit(ctx, dir, "--numstat", "-z", s.From, s.To)
	if err != nil {
		return err
	}
	s.Unchanged = s.Before
	for record := range records(sizes) {
		f, binary := parse(record)
		s.Files = append(s.Files, f)
		if f.Old != "" && (binary || f.New == "" || f.Lines != Lines{}) {
			s.Unchanged--
		}
	}
	slices.SortFunc(s.Files, func(a, b File) int { return strings.Compare(a.Name(), b.Name()) })
	return nil
}

// Chapters returns the chapters in root, v1 first. It is an error if there is none.
func Chapters(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, entry := range entries {
		if n, ok := number(entry.Name()); ok && entry.IsDir() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	chapters := make([]string, len(numbers))
	for i, n := range numbers {
		chapters[i] = "v" + strconv.Itoa(n)
	}
	if len(chapters) == 0 {
		return nil, errors.New("there are no chapters v1, v2, … here: this has to run in the root of go-store")
	}
	return chapters, nil
}

func number(name string) (int, bool) {
	digits, isChapter := strings.CutPrefix(name, "v")
	n, err := strconv.Atoi(digits)
	return n, isChapter && err == nil && "v"+strconv.Itoa(n) == name
}

// All measures every step in root: v1 to v2, v2 to v3, and so on.
func All(ctx context.Context, root string) ([]*Step, error) {
	chapters, err := Chapters(root)
	if err != nil {
		return nil, err
	}
	var steps []*Step
	for i := 1; i < len(chapters); i++ {
		s, err := Between(ctx, root, chapters[i-1], chapters[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// copyChapter copies the files of a chapter, normalised, to a directory of its name in dst.
func copyChapter(ctx context.Context, root, chapter, dst string) (files int, err error) {
	if err := checkChapter(root, chapter); err != nil {
		return 0, err
	}
	src := filepath.Join(root, chapter)
	paths, err := list(ctx, src)
	if err != nil {
		return 0, fmt.Errorf("list the files of %s: %w", chapter, err)
	}
	if err := os.Mkdir(filepath.Join(dst, chapter), 0o755); err != nil { // there even if it has no file
		return 0, err
	}
	modulePath := regexp.MustCompile(`\bgostore/chapter[0-9]+\b`)
	for _, path := range paths {
		content, err := os.ReadFile(filepath.Join(src, path))
		if err != nil {
			return 0, err
		}
		same := modulePath.ReplaceAll(content, []byte("gostore/chapterN"))
		if err := write(filepath.Join(dst, chapter, path), same); err != nil {
			return 0, err
		}
	}
	return len(paths), nil
}

func checkChapter(root, chapter string) error {
	chapters, err := Chapters(root)
	if err == nil && !slices.Contains(chapters, chapter) {
		err = fmt.Errorf("there is no chapter %q: there are %s", chapter, strings.Join(chapters, ", "))
	}
	return err
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
