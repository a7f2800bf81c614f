package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// module creates a module with a command that prints the given Go expression, in a source tree of
// its own.
func module(t *testing.T, prints string) string {
	t.Setenv("GOWORK", "off")
	dir := filepath.Join(t.TempDir(), "module")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "hello"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/module\n"), 0o644))
	write(t, dir, prints)
	return dir
}

func write(t *testing.T, module, prints string) {
	source := "package main\n\nfunc main() { println(" + prints + ") }\n"
	require.NoError(t, os.WriteFile(filepath.Join(module, "hello", "main.go"), []byte(source), 0o644))
}

func requirePrints(t *testing.T, want, dir string) {
	t.Helper()
	out, err := exec.Command(filepath.Join(dir, "hello")).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, want+"\n", string(out))
}

func TestUnchangedProgramIsNotLinked(t *testing.T) {
	source, dir, other := module(t, `"once"`), filepath.Join(t.TempDir(), "bin"), filepath.Join(t.TempDir(), "bin")
	require.NoError(t, Build(t.Context(), source, "all", dir, "./..."))
	requirePrints(t, "once", dir)
	cached := filepath.Join(filepath.Dir(source), ".build", "all", "hello")
	before, err := os.Stat(cached)
	require.NoError(t, err)
	require.NoError(t, Build(t.Context(), source, "all", other, "./..."))
	after, err := os.Stat(cached)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "it was up to date")
	requirePrints(t, "once", other)

	write(t, source, `"twice"`)
	require.NoError(t, Build(t.Context(), source, "all", other, "./..."))
	requirePrints(t, "twice", other)
	requirePrints(t, "once", dir)
}

func TestDirIsReplaced(t *testing.T) {
	source, dir := module(t, `"here"`), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "stale"), nil, 0o755))
	require.NoError(t, Build(t.Context(), source, "all", dir, "./..."))
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "hello")}, names)
}

func TestFailedBuildLeavesDir(t *testing.T) {
	source, dir := module(t, `"here"`), t.TempDir()
	require.NoError(t, Build(t.Context(), source, "all", dir, "./..."))
	write(t, source, "nonsense")
	require.ErrorContains(t, Build(t.Context(), source, "all", dir, "./..."), "undefined: nonsense")
	requirePrints(t, "here", dir)
}
