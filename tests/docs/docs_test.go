package docs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gostore/tests/stack"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "update quoted code and figures in the pages instead of comparing them")
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // every test binary has this flag; sessions mostly wait, so all may run concurrently
	os.Exit(m.Run())
}

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// withoutTwin is the one page that is in English only.
const withoutTwin = "CONTRIBUTING.md"

// pages reads all pages, English ones first.
func pages(t *testing.T) (list []*Page) {
	t.Helper()
	for _, pattern := range []string{"README.md", withoutTwin, "docs/*.md", "README.zh.md", "docs/zh/*.md"} {
		found, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, file := range found {
			list = append(list, page(t, strings.TrimPrefix(filepath.ToSlash(file), repository+"/")))
		}
	}
	return list
}

func page(t *testing.T, path string) *Page {
	t.Helper()
	p, err := Read(path)
	require.NoError(t, err)
	return p
}

// twin returns the path of a page in the other language.
func twin(path string) string {
	switch {
	case path == "README.md":
		return "README.zh.md"
	case path == "README.zh.md":
		return "README.md"
	case strings.HasPrefix(path, "docs/zh/"):
		return "docs/" + strings.TrimPrefix(path, "docs/zh/")
	}
	return "docs/zh/" + strings.TrimPrefix(path, "docs/")
}

func isChinese(path string) bool {
	return path == "README.zh.md" || strings.HasPrefix(path, "docs/zh/")
}

// watch makes the go command's test cache depend on directories; see repository. Listing a
// directory is enough: the cache compares names, sizes and times of its files.
func watch(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(repository, dir))
		require.NoError(t, err)
		for _, entry := range entries {
			if entry.IsDir() {
				watch(t, path.Join(dir, entry.Name()))
			}
		}
	}
}

// TestQuotes compares quoted code, and figures that a command prints, with their current values.
func TestQuotes(t *testing.T) {
	watch(t, "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "common", "deploy", "tests/cmd/chapterdiff")
	known := map[string][]string{} // shared by both languages
	for _, p := range pages(t) {
		blocks, with := p.Blocks("go", "text", "console"), [][]string{}
		blocks = slices.DeleteFunc(blocks, func(b Block) bool { return b.Of == "" || b.Language == "console" && b.Of != "figures" })
		for _, b := range blocks {
			with = append(with, quoted(t, p, b, known))
		}
		if updating() {
			require.NoError(t, os.WriteFile(filepath.Join(repository, p.Path), Replaced(p, blocks, with), 0o644))
		}
	}
}

func quoted(t *testing.T, p *Page, b Block, known map[string][]string) []string {
	key := b.Language + " " + b.Of + "\n" + strings.Join(commandsOf(b), "\n")
	want, ok := known[key]
	if !ok || b.Language == "text" {
		var err error
		want, err = Quoted(t.Context(), b)
		if !assert.NoError(t, err, "%s:%d", p.Path, b.Line) {
			return b.Lines
		}
		known[key] = want
	}
	if !updating() {
		same(t, p.Path, b, b.Lines, "the source has", want,
			"go test ./tests/docs -run TestQuotes -update updates it")
	}
	return want
}

// same compares a block's lines with others and reports the first difference.
func same(t *testing.T, path string, b Block, lines []string, what string, others []string, advice string) {
	t.Helper()
	for i := range max(len(lines), len(others)) {
		line, other := lineAt(lines, i), lineAt(others, i)
		if line != other {
			t.Errorf("%s:%d: the page has\n\t%s\nand %s\n\t%s\n%s", path, b.Line+i, line, what, other, advice)
			return
		}
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing more)"
}

func commandsOf(b Block) []string {
	return slices.DeleteFunc(slices.Clone(b.Lines), func(line string) bool { return b.Language != "console" || !strings.HasPrefix(line, "$ ") })
}

// TestLinks follows every link within the repository.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, s := range p.Sections {
			for _, link := range s.Links {
				assert.NoError(t, follow(p, link.To), "%s:%d: [...](%s)", p.Path, link.Line, link.To)
			}
		}
	}
}

func follow(p *Page, to string) error {
	if strings.Contains(to, "://") {
		return nil
	}
	file, anchor, _ := strings.Cut(to, "#")
	target := p
	if file != "" {
		there := path.Join(path.Dir(p.Path), file)
		if _, err := os.Stat(filepath.Join(repository, there)); err != nil {
			return fmt.Errorf("%s does not exist", there)
		}
		if anchor == "" {
			return nil
		}
		var err error
		if target, err = Read(there); err != nil {
			return err
		}
	}
	if !target.Anchors()[anchor] {
		return fmt.Errorf("%s has no heading #%s", target.Path, anchor)
	}
	return nil
}

// TestTwins compares each English page with its Chinese twin: headings, code, and figures.
func TestTwins(t *testing.T) {
	for _, p := range pages(t) {
		if p.Path == withoutTwin {
			continue
		}
		other, err := Read(twin(p.Path))
		if !assert.NoError(t, err, "%s has no twin", p.Path) || isChinese(p.Path) {
			continue
		}
		if !assert.Equal(t, outline(p), outline(other), "%s and %s have other headings", p.Path, other.Path) {
			continue
		}
		for i, s := range p.Sections {
			compare(t, p, s, other, other.Sections[i])
		}
	}
}

// outline returns the levels of the headings.
func outline(p *Page) string {
	var levels []string
	for _, s := range p.Sections {
		levels = append(levels, strings.Repeat("#", s.Level))
	}
	return strings.Join(levels, " ")
}

func compare(t *testing.T, p *Page, s *Section, other *Page, theirs *Section) {
	t.Helper()
	where := fmt.Sprintf("%s:%d and %s:%d", p.Path, s.Line, other.Path, theirs.Line)
	assert.Equal(t, s.Figures(), theirs.Figures(), "%s: other figures in the text", where)
	assert.ElementsMatch(t, s.Spans, theirs.Spans, "%s: other `code` in the text", where)
	if !assert.Len(t, theirs.Blocks, len(s.Blocks), "%s: other blocks of code", where) {
		return
	}
	for i, b := range s.Blocks {
		where := fmt.Sprintf("%s:%d and %s:%d", p.Path, b.Line, other.Path, theirs.Blocks[i].Line)
		if b.Language == "mermaid" { // labels are translated
			assert.Len(t, theirs.Blocks[i].Lines, len(b.Lines), where)
			continue
		}
		assert.Equal(t, b.Language+" "+b.Of, theirs.Blocks[i].Language+" "+theirs.Blocks[i].Of, where)
		same(t, p.Path, b, code(b), other.Path+" has", code(theirs.Blocks[i]), "correct the one that is wrong")
	}
}

// code returns a block's lines without comments in commands, which are translated.
func code(b Block) []string {
	lines := slices.Clone(b.Lines)
	for i := range lines {
		if b.Language == "sh" {
			lines[i] = regexp.MustCompile(` *# .*`).ReplaceAllString(lines[i], "")
		}
	}
	return lines
}

// oldShape is how many chapters, from the first on, have pages with the sections of v1.md. Later pages
// have those of laterParts.
const oldShape = 4

// laterParts returns the sections by directory of the pages.
func laterParts() map[string][]string {
	return map[string][]string{
		"docs": {"What you will be able to do", "The idea", "A toy first", "The picture", "Invariants", "Before you run it",
			"A session", "Follow a PUT", "Follow a GET", "What changed", "What can go wrong", "Labs",
			"In the book, and where we leave it", "What production does", "Exercises"},
		"docs/zh": {"学完能做什么", "想法", "先用纸笔算一遍", "架构图", "不变式", "动手之前",
			"动手", "跟随一次 PUT", "跟随一次 GET", "改动", "会出什么错", "实验",
			"书中的位置，以及与书的不同", "生产系统怎么做", "练习"},
	}
}

// TestShape checks that every chapter's page has the sections of its shape.
func TestShape(t *testing.T) {
	for dir, later := range laterParts() {
		first := parts(page(t, dir+"/v1.md"))
		for i, chapter := range chapters(t) {
			want := first
			if i >= oldShape {
				want = later
			}
			assert.Equal(t, want, parts(page(t, dir+"/"+chapter+".md")), "%s/%s.md is of another shape", dir, chapter)
		}
	}
}

func parts(p *Page) (headings []string) {
	for _, s := range p.Sections {
		if s.Level == 2 {
			headings = append(headings, s.Heading)
		}
	}
	return headings
}

func chapters(t *testing.T) (names []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repository, "v[0-9]*", "go.mod"))
	require.NoError(t, err)
	for _, mod := range found {
		names = append(names, filepath.Base(filepath.Dir(mod)))
	}
	require.NotEmpty(t, names)
	return names
}

// TestNamedTests checks that the tests that pages name exist.
func TestNamedTests(t *testing.T) {
	exist := allTests(t)
	for _, p := range pages(t) {
		for _, s := range p.Sections {
			for _, table := range s.Tables {
				column := slices.IndexFunc(table.Head, func(head string) bool { return head == "test" || head == "测试" })
				for _, row := range table.Rows {
					for i, span := range row {
						for _, name := range span {
							assert.True(t, i != column || exist[name], "%s:%d: there is no test %s", p.Path, s.Line, name)
						}
					}
				}
			}
		}
	}
}

// allTests returns the names of the suite's tests and exercises, of package fault's tests, and of
// all test functions.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(|(?:^\t\t|\{)\{(?:Name: )?"(\w+)", `)
	for _, pattern := range []string{"tests/suite/*.go", "tests/fault/*.go", "*/*_test.go", "*/*/*_test.go", "*/*/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, found := range declared.FindAllSubmatch(source, -1) {
				names[string(found[1])+string(found[2])] = true
			}
		}
	}
	return names
}

// skipOnDocker skips a test that, like readers, starts the embedded servers.
func skipOnDocker(t *testing.T) {
	t.Helper()
	if os.Getenv("STACK") == string(stack.Docker) {
		t.Skip("readers use the embedded servers; STACK asks for others")
	}
}

// TestSessions runs the sessions of every page and compares the output.
func TestSessions(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	skipOnDocker(t)
	for _, tool := range []string{"bash", "curl", "openssl", "pgrep", "ps", "cmp"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing, which sessions use: on Debian, apt-get install curl openssl procps diffutils", tool)
		}
	}
	watch(t, "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "common", "tests/cluster", "tests/stack", "tests/cmd")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", ".build/startup", "./tests/cmd/startup")
	build.Dir, build.Env = repository, ownEnvironment(os.Environ())
	out, err := build.CombinedOutput() // once, not in every startup.sh
	require.NoError(t, err, "%s", out)
	for _, p := range pages(t) {
		steps := Steps(p)
		if isChinese(p.Path) || len(steps) == 0 { // TestTwins compares the Chinese page
			continue
		}
		t.Run(strings.ReplaceAll(strings.TrimSuffix(p.Path, ".md"), "/", "-"), func(t *testing.T) {
			t.Parallel()
			session, err := OpenSession(p.Path)
			require.NoError(t, err)
			defer func() { require.NoError(t, session.Close()) }()
			for _, step := range steps {
				if err := session.Do(step); err != nil {
					t.Fatalf("%v\nIf the program is right, correct the page, here and in its Chinese twin.", err)
				}
			}
		})
	}
}
