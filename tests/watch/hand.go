package watch

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// handSource is the program of the panel "Reed-Solomon by hand". It imports the package rs of a
// chapter, and this module requires no chapter, so the go command here must not see it: it ignores
// directories that begin with "_".
//
//go:embed _hand/main.go
var handSource string

// handImports is the module in handSource, which that of the running chapter replaces.
const handImports = "gostore/chapter5/"

// wasm is the program, built when the panel is opened first.
type wasm struct {
	mu      sync.Mutex
	program []byte
}

func (p *Page) handWASM(w http.ResponseWriter, r *http.Request) {
	program, err := p.buildHand(context.WithoutCancel(r.Context()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	w.Header().Set("Content-Type", "application/wasm")
	_, _ = w.Write(program) // if it fails the page is closed
}

// wasmExec serves the Go distribution's own file, which must be of the version that builds.
func (p *Page) wasmExec(w http.ResponseWriter, r *http.Request) {
	root, err := p.goCommand(r.Context(), "env", "GOROOT")
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	http.ServeFile(w, r, filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
}

func (p *Page) buildHand(ctx context.Context) (program []byte, err error) {
	p.wasm.mu.Lock()
	defer p.wasm.mu.Unlock()
	if p.wasm.program != nil {
		return p.wasm.program, nil
	}
	if !p.has.Shards {
		return nil, errors.New("this chapter has no package rs")
	}
	dir, err := os.MkdirTemp("", "gostore-hand-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	module, err := p.goCommand(ctx, "list", "-m")
	if err != nil {
		return nil, err
	}
	source, target := filepath.Join(dir, "main.go"), filepath.Join(dir, "hand.wasm")
	if err := os.WriteFile(source, []byte(strings.ReplaceAll(handSource, handImports, module+"/")), 0o600); err != nil {
		return nil, err
	}
	if _, err := p.goCommand(ctx, "build", "-ldflags=-s -w", "-o", target, source); err != nil {
		return nil, err
	}
	p.wasm.program, err = os.ReadFile(target)
	return p.wasm.program, err
}

// goCommand runs the go command in the chapter's module and returns what it prints.
func (p *Page) goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = p.cfg.Chapter
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOWORK=off", "GOFLAGS=")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
