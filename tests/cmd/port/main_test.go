package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/tests/cmd/chapterdiff/step"
)

// get is a file with a bug in its last function.
const get = "package objects\n\nimport \"gostore/chapter1/names\"\n\nfunc get() string {\n\treturn names.Of(1)\n}\n\n" +
	"func size() int {\n\treturn 1\n}\n"

func fixed(source string) string { return strings.ReplaceAll(source, "return 1\n", "return 2\n") }

func in(chapter, source string) string {
	return string(step.WithModule([]byte(source), chapter))
}

// repository makes one with three chapters. v2 has its own version of get, v3 of size, too.
func repository(t *testing.T) string {
	t.Helper()
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	root := t.TempDir()
	write(t, root, map[string]string{
		"v1/objects/get.go": get,
		"v2/objects/get.go": in("2", strings.ReplaceAll(get, "Of(1)", "Escaped(1)")),
		"v3/objects/get.go": in("3", strings.ReplaceAll(get, "return 1\n", "return 1 + 1\n")),
		"v1/objects/old.go": get, "v2/objects/old.go": in("2", get), "v3/objects/old.go": "package objects\n",
		"v1/main.go": "package main\n", "v2/main.go": "package main\n", "v3/read.me": "no main.go\n",
	})
	commit(t, root)
	return root
}

func commit(t *testing.T, root string) {
	t.Helper()
	author := []string{"-c", "user.name=a", "-c", "user.email=a@example.org"}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, append(author, "commit", "-q", "-m", "all")} {
		_, err := step.Git(t.Context(), root, args...)
		require.NoError(t, err)
	}
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		full := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
}

func requireFile(t *testing.T, root, path, content string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	require.Equal(t, content, string(got))
}

func ported(t *testing.T, root string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(t.Context(), root, args, &out)
	return out.String(), err
}

func TestChangeIsMerged(t *testing.T) {
	root := repository(t)
	write(t, root, map[string]string{"v1/objects/get.go": fixed(get)})
	out, err := ported(t, root, "v1", "v2/")
	require.NoError(t, err)
	require.Equal(t, "merged    v2/objects/get.go\n", out)
	requireFile(t, root, "v2/objects/get.go", in("2", fixed(strings.ReplaceAll(get, "Of(1)", "Escaped(1)"))))
	out, err = ported(t, root, "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, "unchanged v2/objects/get.go\n", out, "a second time")
}

func TestCommittedChange(t *testing.T) {
	root := repository(t)
	write(t, root, map[string]string{"v1/objects/get.go": fixed(get), "v2/main.go": "package main // of v2\n"})
	commit(t, root)
	_, err := ported(t, root, "v1", "v2")
	require.ErrorContains(t, err, "v1 has no change against HEAD")
	out, err := ported(t, root, "-base", "HEAD~1", "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, "merged    v2/objects/get.go\n", out)
}

func TestConflictIsMarked(t *testing.T) {
	root := repository(t)
	write(t, root, map[string]string{"v1/objects/get.go": fixed(get)})
	out, err := ported(t, root, "v1", "v2", "v3")
	require.ErrorIs(t, err, errConflicts)
	require.Equal(t, "merged    v2/objects/get.go\nconflict  v3/objects/get.go\n", out, "v2 is written all the same")
	marked := "<<<<<<< this chapter\n\treturn 1 + 1\n=======\n\treturn 2\n>>>>>>> the fix\n"
	requireFile(t, root, "v3/objects/get.go", in("3", strings.ReplaceAll(get, "\treturn 1\n", marked)))
}

func TestFileThatAChapterDoesNotHave(t *testing.T) {
	root := repository(t)
	write(t, root, map[string]string{"v1/main.go": "package main // fixed\n"})
	out, err := ported(t, root, "v1", "v2", "v3")
	require.NoError(t, err)
	require.Equal(t, "merged    v2/main.go\nmissing   v3/main.go\n", out)
	require.NoFileExists(t, filepath.Join(root, "v3/main.go"))
}

func TestNewFile(t *testing.T) {
	root := repository(t)
	write(t, root, map[string]string{"v1/objects/new.go": get, "v1/new/new.go": get, "v1/go.sum": "a sum\n"})
	out, err := ported(t, root, "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, "missing   v2/new/new.go\nmerged    v2/objects/new.go\n", out)
	requireFile(t, root, "v2/objects/new.go", in("2", get))
	out, err = ported(t, root, "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, "missing   v2/new/new.go\nunchanged v2/objects/new.go\n", out)
}

func TestDeletedFile(t *testing.T) {
	root := repository(t)
	require.NoError(t, os.Remove(filepath.Join(root, "v1/objects/old.go")))
	out, err := ported(t, root, "v1", "v2", "v3")
	require.ErrorIs(t, err, errConflicts)
	require.Equal(t, "merged    v2/objects/old.go\nconflict  v3/objects/old.go\n", out)
	require.NoFileExists(t, filepath.Join(root, "v2/objects/old.go"))
	requireFile(t, root, "v3/objects/old.go", "package objects\n")
}

func TestUsage(t *testing.T) {
	root := repository(t)
	for _, args := range [][]string{nil, {"v1"}, {"-colour", "v1", "v2"}} {
		_, err := ported(t, root, args...)
		require.ErrorIs(t, err, errUsage, args)
	}
	_, err := ported(t, root, "v1", "v4")
	require.ErrorContains(t, err, `there is no chapter "v4"`)
	_, err = ported(t, root, "-base", "nowhere", "v1", "v2")
	require.ErrorContains(t, err, "nowhere")
}
