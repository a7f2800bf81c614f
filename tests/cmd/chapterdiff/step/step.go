// Package step measures what one chapter of go-store adds to its predecessor.
//
// Chapters are compared as git compares two commits, with rename detection. Import paths of the
// chapter's own module (gostore/chapter1, gostore/chapter2) are normalised first, so a file that
// differs in nothing else is unchanged. go.sum and ignored files are left out.
package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind classifies a file.
type Kind string

const (
	Code  Kind = "Go"      // .go files that are not tests
	Test  Kind = "test Go" // _test.go files
	Other Kind = "other"   // scripts, go.mod, text
)

// Lines counts as diff does: a changed line is one added and one removed. Blank lines and comments
// count too.
type Lines struct{ Added, Removed int }

// File is a file that differs between the chapters or has moved.
type File struct {
	Old, New string // slash-separated, from the root: v1/objects/get.go; empty if not in that chapter
	Lines    Lines  // zero for binary files
}

// Name returns the path in the later chapter or, for a removed file, in the earlier one.
func (f File) Name() string {
	if f.New == "" {
		return f.Old
	}
	return f.New
}

// Moved reports whether the file is in both chapters with different paths.
func (f File) Moved() bool {
	return f.Old != "" && f.New != "" && inChapter(f.Old) != inChapter(f.New)
}

// inChapter returns a path relative to its chapter.
func inChapter(path string) string {
	_, rest, _ := strings.Cut(path, "/")
	return rest
}

// Kind classifies the file by its name.
func (f File) Kind() Kind {
	switch name := f.Name(); {
	case strings.HasSuffix(name, "_test.go"):
		return Test
	case strings.HasSuffix(name, ".go"):
		return Code
	}
	return Other
}

// Step is the difference between two chapters.
type Step struct {
	From, To  string   // v1, v2
	Diff      string   // unified, as git prints it
	Files     []File   // by Name
	Packages  []string // top-level packages of To that From does not have, sorted
	Unchanged int      // files of From that To has byte for byte, binary ones only under the same path
	Before    int      // files of From
}

// Part is the files of a step that are reported together.
type Part struct {
	Name  string // of the package; "the rest" for files outside of new packages
	Files []File
}

// Parts splits the step by new packages, so that a package that is a chapter's subject is measured
// apart from the changes to its predecessor. The rest comes last. It returns nil without new
// packages.
func (s *Step) Parts() (parts []Part) {
	if len(s.Packages) == 0 {
		return nil
	}
	rest := s.Files
	for _, name := range s.Packages {
		part := Part{Name: name}
		part.Files, rest = cut(rest, s.To+"/"+name+"/")
		parts = append(parts, part)
	}
	return append(parts, Part{"the rest", rest})
}

// cut separates the files with names below dir from the rest.
func cut(files []File, dir string) (below, rest []File) {
	for _, f := range files {
		if strings.HasPrefix(f.Name(), dir) {
			below = append(below, f)
		} else {
			rest = append(rest, f)
		}
	}
	return below, rest
}

// Total adds up the lines of all files of a kind.
func Total(files []File, kind Kind) (sum Lines) {
	for _, f := range files {
		if f.Kind() == kind {
			sum.Added += f.Lines.Added
			sum.Removed += f.Lines.Removed
		}
	}
	return sum
}

// Between measures the step between two chapters, which are directories of root. It runs git. If
// root is no repository, no file is ignored.
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
	s.Packages, err = newPackages(dir, s.From, s.To)
	return err
}

// newPackages returns the top-level packages of chapter to that chapter from does not have.
func newPackages(dir, from, to string) (names []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, to, "*", "*.go"))
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if _, err := os.Stat(filepath.Join(dir, from, name)); errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	return slices.Compact(names), err
}

// Chapters returns the chapters in root, v1 first. It is an error if there are none.
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
		return nil, errors.New("there are no chapters v1, v2, … here: run this in the root of go-store")
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

// copyChapter copies the files of a chapter with normalised import paths to the directory of the
// same name in dst. It returns their number.
func copyChapter(ctx context.Context, root, chapter, dst string) (files int, err error) {
	if err := Check(root, chapter); err != nil {
		return 0, err
	}
	src := filepath.Join(root, chapter)
	paths, err := list(ctx, src)
	if err != nil {
		return 0, fmt.Errorf("list the files of %s: %w", chapter, err)
	}
	if err := os.Mkdir(filepath.Join(dst, chapter), 0o755); err != nil { // the chapter may be empty
		return 0, err
	}
	for _, path := range paths {
		content, err := os.ReadFile(filepath.Join(src, path))
		if err != nil {
			return 0, err
		}
		if err := write(filepath.Join(dst, chapter, path), WithModule(content, "N")); err != nil {
			return 0, err
		}
	}
	return len(paths), nil
}

// WithModule replaces the module path of every chapter, gostore/chapter1 and so on, by that of
// chapter n.
func WithModule(content []byte, n string) []byte {
	return regexp.MustCompile(`\bgostore/chapter[0-9]+\b`).ReplaceAll(content, []byte("gostore/chapter"+n))
}

// Check returns an error that lists the chapters in root if that chapter is not among them.
func Check(root, chapter string) error {
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
