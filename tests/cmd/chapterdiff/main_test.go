package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const wantSizes = `       +0 −2  v1/old.go (gone)
       +1 −1  v2/a.go
       +0 −0  v2/data/moved.go (was v1/moved.go)
       +1 −0  v2/new.go (new)
       +2 −3  v1 → v2, Go without tests
       +2 −1  tests
       +3 −0  other files
2 of the 5 files of v1 are unchanged
`

const wantTable = `step                    Go      test Go        other  unchanged files
v1 → v2              +2 −3        +2 −1        +3 −0  2 of 5
  data               +0 −0        +0 −0        +0 −0
  the rest           +2 −3        +2 −1        +3 −0
`

func TestOutput(t *testing.T) {
	root := chapters(t)
	for _, args := range [][]string{{"-stat", "v1", "v2"}, {"-stat", "v1/", "v2/"}} {
		out, err := run(t.Context(), root, args)
		require.NoError(t, err)
		require.Equal(t, wantSizes, out)
	}
	out, err := run(t.Context(), root, []string{"v1", "v2"})
	require.NoError(t, err)
	require.Regexp(t, `(?s)^diff --git .*\n\n\Q`+wantSizes+`\E$`, out)
	out, err = run(t.Context(), root, nil)
	require.NoError(t, err)
	require.Equal(t, wantTable, out)
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"v1"}, {"v1", "v2", "v3"}, {"-stat"}, {"-colour", "v1", "v2"}} {
		_, err := run(t.Context(), chapters(t), args)
		require.ErrorIs(t, err, errUsage, args)
		require.NotContains(t, err.Error(), "\n")
	}
	out, err := run(t.Context(), ".", []string{"-h"})
	require.NoError(t, err)
	require.Contains(t, out, "usage: chapterdiff")
}

func chapters(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range map[string]string{
		"v1/a.go": "package a\n", "v2/a.go": "package b\n",
		"v1/moved.go": "package moved\n\nconst length = 100\n", "v2/data/moved.go": "package moved\n\nconst length = 100\n",
		"v1/old.go": "package old\n// removed\n", "v2/new.go": "something else entirely\n",
		"v1/a_test.go": "package a\n", "v2/a_test.go": "package b\n\n", "v2/start.sh": "one\ntwo\nthree\n",
		"v1/go.mod": "module gostore/chapter1\n", "v2/go.mod": "module gostore/chapter2\n",
	} {
		full := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
	return root
}
