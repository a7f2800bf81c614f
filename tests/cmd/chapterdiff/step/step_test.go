package step

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// get is a file that both chapters have, in different directories, with an import of the chapter.
const get = "package objects\n\nimport \"gostore/chapter1/names\"\n\nfunc get() string {\n\treturn names.Of(1)\n}\n"

// twoChapters has one file of each case: unchanged, moved, changed, new, removed, go.sum.
func twoChapters() map[string]string {
	return map[string]string{
		"v1/go.mod":                     "module gostore/chapter1\n",
		"v1/go.sum":                     "a sum\n",
		"v1/main.go":                    "package main\n\nfunc main() {}\n",
		"v1/main_test.go":               "package main\n",
		"v1/objects/get.go":             get,
		"v1/old.go":                     "package main\n\nvar a, b, c = 1, 2, 3\n",
		"v1/start.sh":                   "one\ntwo\n",
		"v2/go.mod":                     "module gostore/chapter2\n",
		"v2/go.sum":                     "a sum\nanother\n",
		"v2/main.go":                    "package main\n\nfunc main() { println() }\n",
		"v2/main_test.go":               "package main\n\n// one more\n",
		"v2/dataservice/objects/get.go": strings.ReplaceAll(get, "chapter1", "chapter2"),
		"v2/dataservice/temp/temp.go":   "package temp\n\n// It is new.\n",
		"v2/start.sh":                   "one\ntwo\nthree\n",
		"common/chapter1.go":            "package common\n",
		"v1/script/对象 with a space.txt": "x\n",
		"v2/script/对象 with a space.txt": "x\ny\n",
	}
}

func TestBetween(t *testing.T) {
	s, err := Between(t.Context(), tree(t, twoChapters()), "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, []File{
		{Old: "v1/old.go", Lines: Lines{0, 3}},
		{Old: "v1/objects/get.go", New: "v2/dataservice/objects/get.go"},
		{New: "v2/dataservice/temp/temp.go", Lines: Lines{3, 0}},
		{Old: "v1/main.go", New: "v2/main.go", Lines: Lines{1, 1}},
		{Old: "v1/main_test.go", New: "v2/main_test.go", Lines: Lines{2, 0}},
		{Old: "v1/script/对象 with a space.txt", New: "v2/script/对象 with a space.txt", Lines: Lines{1, 0}},
		{Old: "v1/start.sh", New: "v2/start.sh", Lines: Lines{1, 0}},
	}, s.Files)
	require.Equal(t, Lines{4, 4}, Total(s.Files, Code))
	require.Equal(t, Lines{2, 0}, Total(s.Files, Test))
	require.Equal(t, Lines{2, 0}, Total(s.Files, Other))
	require.Equal(t, 7, s.Before, "go.sum does not count")
	require.Equal(t, 2, s.Unchanged, "go.mod and get.go")
}

func TestNewPackagesAreApart(t *testing.T) {
	files := map[string]string{
		"v1/api/api.go": "package api\n\nconst length = 100\n", "v2/api/api.go": "package api\n\nconst length = 200\n",
		"v2/rs/code.go": "package rs\n", "v2/rs/code_test.go": "package rs\n", "v2/rs/data/x.txt": "x\n",
		"v2/rsx.go": "package v2\n", "v2/script/start.sh": "one\n", "v2/api/sub/sub.go": "package sub\n",
	}
	s, err := Between(t.Context(), tree(t, files), "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, []Part{
		{"rs", []File{
			{New: "v2/rs/code.go", Lines: Lines{1, 0}}, {New: "v2/rs/code_test.go", Lines: Lines{1, 0}},
			{New: "v2/rs/data/x.txt", Lines: Lines{1, 0}},
		}},
		{"the rest", []File{
			{Old: "v1/api/api.go", New: "v2/api/api.go", Lines: Lines{1, 1}},
			{New: "v2/api/sub/sub.go", Lines: Lines{1, 0}}, {New: "v2/rsx.go", Lines: Lines{1, 0}},
			{New: "v2/script/start.sh", Lines: Lines{1, 0}},
		}},
	}, s.Parts(), "script has no package, sub is not at the top")
	s, err = Between(t.Context(), tree(t, files), "v2", "v1")
	require.NoError(t, err)
	require.Nil(t, s.Parts())
}

func TestMoved(t *testing.T) {
	require.True(t, File{Old: "v1/objects/get.go", New: "v2/dataservice/objects/get.go"}.Moved())
	require.False(t, File{Old: "v1/main.go", New: "v2/main.go"}.Moved())
	require.False(t, File{New: "v2/main.go"}.Moved())
}

func TestDiffIsOfNormalisedFilesUnderTheirOwnPaths(t *testing.T) {
	s, err := Between(t.Context(), tree(t, twoChapters()), "v1", "v2")
	require.NoError(t, err)
	require.Contains(t, s.Diff, "\n--- v1/main.go\n+++ v2/main.go\n@@ -1,3 +1,3 @@\n package main\n \n-func main() {}\n+func main() { println() }\n")
	require.Contains(t, s.Diff, "rename from v1/objects/get.go\nrename to v2/dataservice/objects/get.go\n")
	require.Contains(t, s.Diff, "diff --git v1/script/对象 with a space.txt v2/script/对象 with a space.txt\n")
	for _, absent := range []string{"chapter1", "chapter2", "go.sum", "go.mod", os.TempDir()} {
		require.NotContains(t, s.Diff, absent)
	}
}

func TestGitConfigurationIsIgnored(t *testing.T) {
	root := tree(t, twoChapters())
	plain, err := Between(t.Context(), root, "v1", "v2")
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("[color]\nui = always\n[diff]\nrenames = false\nexternal = false\ncontext = 0\n"), 0o644))
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	configured, err := Between(t.Context(), root, "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, plain, configured)
}

func TestSameChapterTwice(t *testing.T) {
	same := map[string]string{"v1/a.go": "package a // gostore/chapter1/x\n", "v2/a.go": "package a // gostore/chapter2/x\n"}
	s, err := Between(t.Context(), tree(t, same), "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, &Step{From: "v1", To: "v2", Unchanged: 1, Before: 1}, s)
}

func TestOnlyTheModulePathIsNormalised(t *testing.T) {
	files := map[string]string{"v1/a.go": "package a // see chapter1 and notgostore/chapter1\n", "v2/a.go": "package a // see chapter2 and notgostore/chapter2\n"}
	s, err := Between(t.Context(), tree(t, files), "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, Lines{1, 1}, Total(s.Files, Code))
}

func TestRepositoryLeavesOutIgnoredAndDeletedFiles(t *testing.T) {
	files := twoChapters()
	files[".gitignore"] = "*.log\n"
	files["v2/big.log"] = "noise\n"
	files["v2/committed-then-removed.go"] = "package main\n"
	root := tree(t, files)
	for _, args := range [][]string{{"init", "-q"}, {"add", "v1", "v2/committed-then-removed.go"}} {
		_, err := Git(t.Context(), root, args...)
		require.NoError(t, err)
	}
	require.NoError(t, os.Remove(filepath.Join(root, "v2/committed-then-removed.go")))
	s, err := Between(t.Context(), root, "v1", "v2")
	require.NoError(t, err)
	outside, err := Between(t.Context(), tree(t, twoChapters()), "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, outside, s, "only the removed file of v2 is in the index; the result is as without git")
}

func TestEmptyChapter(t *testing.T) {
	root := tree(t, map[string]string{"v1/a.go": "package a\n", "v1/empty.go": ""})
	require.NoError(t, os.Mkdir(filepath.Join(root, "v2"), 0o755))
	s, err := Between(t.Context(), root, "v1", "v2")
	require.NoError(t, err)
	require.Equal(t, []File{{Old: "v1/a.go", Lines: Lines{0, 1}}, {Old: "v1/empty.go"}}, s.Files)
	require.Zero(t, s.Unchanged)
}

func TestAllSteps(t *testing.T) {
	files := map[string]string{"vendor/x.go": "", "v/x.go": "", "v02/x.go": "", "v3.txt": ""}
	for _, chapter := range []string{"v1", "v2", "v9", "v10"} {
		files[chapter+"/a.go"] = "package " + chapter + "\n"
	}
	steps, err := All(t.Context(), tree(t, files))
	require.NoError(t, err)
	var names []string
	for _, s := range steps {
		names = append(names, s.From+" "+s.To)
		require.Equal(t, Lines{1, 1}, Total(s.Files, Code))
	}
	require.Equal(t, []string{"v1 v2", "v2 v9", "v9 v10"}, names)
}

func TestErrors(t *testing.T) {
	_, err := Between(t.Context(), tree(t, twoChapters()), "v1", "../v2")
	require.EqualError(t, err, `there is no chapter "../v2": there are v1, v2`)
	_, err = All(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "in the root of go-store")
	t.Setenv("PATH", "")
	_, err = Between(t.Context(), tree(t, twoChapters()), "v1", "v2")
	require.ErrorIs(t, err, exec.ErrNotFound)
}

func TestNothingIsLeftBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	_, err := Between(t.Context(), tree(t, twoChapters()), "v1", "v2")
	require.NoError(t, err)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

// tree writes files to a directory that is not in a git repository.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(root))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, write(filepath.Join(root, path), []byte(files[path])))
	}
	return root
}
