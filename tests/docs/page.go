package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// repository is the root, by a symbolic link in this module: the go command's test cache then
// depends on files that are read there, and does not answer "(cached)" after a page was changed.
const repository = "testdata/repository"

// Page is a parsed page.
type Page struct {
	Path     string // slash-separated, from the root
	source   []byte
	Sections []*Section // the first is the text before the first heading
}

// Section is a heading and the text up to the next heading.
type Section struct {
	Heading string
	Level   int // 0: no heading
	Line    int
	Blocks  []Block
	Links   []Link
	Spans   []string // `code`
	Prose   string   // without code and links' addresses
	Tables  []Table
}

// Block is a fenced code block.
type Block struct {
	Language, Of string // "go", "v1/main.go run"
	Lines        []string
	Line         int // of the first line in it
}

// Link is a link on a page.
type Link struct {
	To   string
	Line int
}

// Table has the code spans of each row's cells.
type Table struct {
	Head []string
	Rows [][][]string
}

// Read parses a page.
func Read(path string) (*Page, error) {
	source, err := os.ReadFile(filepath.Join(repository, path))
	if err != nil {
		return nil, err
	}
	return parse(path, source), nil
}

func parse(path string, source []byte) *Page {
	p := &Page{Path: path, source: source, Sections: []*Section{{Line: 1}}}
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()
	_ = ast.Walk(markdown.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			p.add(n)
		}
		return ast.WalkContinue, nil // so it has no error
	})
	return p
}

func (p *Page) add(n ast.Node) {
	section := p.Sections[len(p.Sections)-1]
	switch n := n.(type) {
	case *ast.Heading:
		p.Sections = append(p.Sections, &Section{Heading: p.textOf(n), Level: n.Level, Line: p.lineOf(n)})
	case *ast.FencedCodeBlock:
		section.Blocks = append(section.Blocks, p.block(n))
	case *ast.Link:
		section.Links = append(section.Links, Link{string(n.Destination), p.lineOf(n)})
	case *ast.CodeSpan:
		section.Spans = append(section.Spans, p.textOf(n))
	case *ast.Text:
		if n.Parent().Kind() != ast.KindCodeSpan {
			section.Prose += string(n.Segment.Value(p.source)) + " "
		}
	default:
		if n.Kind().String() == "Table" {
			section.Tables = append(section.Tables, p.table(n))
		}
	}
}

func (p *Page) block(n *ast.FencedCodeBlock) Block {
	b := Block{Language: string(n.Language(p.source)), Line: p.lineOf(n)}
	if n.Info != nil {
		_, b.Of, _ = strings.Cut(string(n.Info.Segment.Value(p.source)), " ")
		b.Line = 2 + bytes.Count(p.source[:n.Info.Segment.Start], []byte("\n")) // also right for an empty block
	}
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Lines = append(b.Lines, strings.TrimSuffix(string(line.Value(p.source)), "\n"))
	}
	return b
}

func (p *Page) table(n ast.Node) (t Table) {
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells [][]string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if row == n.FirstChild() {
				t.Head = append(t.Head, p.textOf(cell))
			}
			cells = append(cells, p.spansOf(cell))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func (p *Page) spansOf(n ast.Node) (spans []string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if c.Kind() == ast.KindCodeSpan {
			spans = append(spans, p.textOf(c))
		}
	}
	return spans
}

func (p *Page) textOf(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(p.source))
		}
		return ast.WalkContinue, nil // so it has no error
	})
	return b.String()
}

// lineOf returns the line of the first text in a node, counted from 1.
func (p *Page) lineOf(n ast.Node) int {
	start := 0
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok {
			start = t.Segment.Start
			return ast.WalkStop, nil
		}
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			start = n.Lines().At(0).Start
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil // so it has no error
	})
	return 1 + bytes.Count(p.source[:start], []byte("\n"))
}

// Blocks returns all fenced blocks in these languages.
func (p *Page) Blocks(languages ...string) (list []Block) {
	for _, s := range p.Sections {
		for _, b := range s.Blocks {
			if slices.Contains(languages, b.Language) {
				list = append(list, b)
			}
		}
	}
	return list
}

// Anchors returns the anchors of the page's headings, as GitHub generates them.
func (p *Page) Anchors() map[string]bool {
	anchors := map[string]bool{}
	for _, s := range p.Sections[1:] {
		anchors[anchor(s.Heading)] = true
	}
	return anchors
}

func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// Figures returns the distinct numbers of two or more digits in a section's prose. Smaller numbers
// may be written as words.
func (s *Section) Figures() []string {
	figures := regexp.MustCompile(`\d[\d.,]*\d`).FindAllString(s.Prose, -1)
	slices.Sort(figures)
	return slices.Compact(figures)
}
