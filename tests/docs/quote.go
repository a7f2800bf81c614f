package docs

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Quoted returns the current lines for a block of code or figures, nil for a block that quotes
// nothing.
func Quoted(ctx context.Context, b Block) ([]string, error) {
	switch {
	case b.Language == "go" && b.Of != "":
		file, name, _ := strings.Cut(b.Of, " ")
		return declaration(file, name)
	case b.Language == "text" && b.Of != "":
		return b.Lines, contains(b.Of, b.Lines)
	case b.Language == "console" && b.Of == "figures":
		return figures(ctx, b.Lines)
	}
	return nil, nil
}

// declaration returns the lines of a declaration with its comment.
func declaration(file, name string) ([]string, error) {
	source, err := os.ReadFile(filepath.Join(repository, file))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, d := range parsed.Decls {
		if from, ok := declares(d, name); ok {
			quoted := source[set.Position(from).Offset:set.Position(d.End()).Offset]
			return strings.Split(string(quoted), "\n"), nil
		}
	}
	return nil, fmt.Errorf("%s declares no %q", file, name)
}

// declares reports whether d has that name, and where it begins.
func declares(d ast.Decl, name string) (from token.Pos, ok bool) {
	comment, from := (*ast.CommentGroup)(nil), d.Pos()
	switch d := d.(type) {
	case *ast.FuncDecl:
		comment, ok = d.Doc, funcName(d) == name
	case *ast.GenDecl:
		comment = d.Doc
		for _, spec := range d.Specs {
			ok = ok || specName(spec) == name
		}
	}
	if comment != nil {
		from = comment.Pos()
	}
	return from, ok
}

func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	receiver := d.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if named, ok := receiver.(*ast.Ident); ok {
		return named.Name + "." + d.Name.Name
	}
	return ""
}

func specName(spec ast.Spec) string {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return spec.Name.Name
	case *ast.ValueSpec:
		return spec.Names[0].Name
	}
	return ""
}

// contains checks that a file has these lines, possibly in a comment.
func contains(file string, lines []string) error {
	source, err := os.ReadFile(filepath.Join(repository, file))
	if err != nil {
		return err
	}
	plain := regexp.MustCompile(`(?m)^//[\t ]?`).ReplaceAllString(string(source), "")
	if !strings.Contains("\n"+plain, "\n"+strings.Join(lines, "\n")+"\n") {
		return fmt.Errorf("%s does not contain these lines", file)
	}
	return nil
}

// figures runs commands in the root and returns them with their output.
func figures(ctx context.Context, lines []string) (quoted []string, err error) {
	for _, line := range lines {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		cmd := exec.CommandContext(ctx, "bash", "-c", command)
		cmd.Dir, cmd.Env = repository, ownEnvironment(os.Environ())
		out, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s", command, err, out)
		}
		quoted = append(append(quoted, line), strings.Split(strings.TrimRight(string(out), "\n"), "\n")...)
	}
	return quoted, nil
}

// Replaced returns the source of a page with the contents of blocks replaced. blocks must be in the
// order of the page.
func Replaced(p *Page, blocks []Block, with [][]string) []byte {
	lines := strings.Split(string(p.source), "\n")
	for i := len(blocks) - 1; i >= 0; i-- {
		from := blocks[i].Line - 1
		rest := append([]string{}, lines[from+len(blocks[i].Lines):]...)
		lines = append(append(lines[:from], with[i]...), rest...)
	}
	return []byte(strings.Join(lines, "\n"))
}
