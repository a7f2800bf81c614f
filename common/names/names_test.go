package names

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFromPath(t *testing.T) {
	for path, want := range map[string]string{
		"/objects/a":            "a",
		"/objects/a%2Fb":        "a/b",
		"/objects/%E5%AF%B9":    "对",
		"/objects/a+b%20c":      "a+b c",
		"/objects/...":          "...",
		"/objects/%252e":        "%2e",
		"/locate/.hidden":       ".hidden",
		"/objects/" + long(500): long(500),
	} {
		got, err := FromPath(path)
		require.NoError(t, err, path)
		require.Equal(t, want, got)
	}
}

func TestFromPathRefuses(t *testing.T) {
	for _, path := range []string{
		"/objects", "/objects/", "/objects/.", "/objects/..", "/objects/%2e%2e", "/objects/%2E.", "/objects/a/b",
		"/objects/%00", "/objects/a%00b", "/objects/%zz", "/objects/%", "/objects/%ff", "/objects/" + long(501),
	} {
		_, err := FromPath(path)
		require.ErrorIs(t, err, ErrInvalid, path)
		require.NotContains(t, err.Error(), "\n", path)
	}
}

func TestFileRefusesWhatMakesNoFileName(t *testing.T) {
	_, err := File(long(255))
	require.NoError(t, err)
	for _, name := range []string{long(256), strings.Repeat("/", 86), "..", ""} {
		_, err := File(name)
		require.ErrorIs(t, err, ErrInvalid, name)
	}
}

// FuzzNames checks that no name leads out of STORE_ROOT: every name that passes Check comes back from
// a URL unchanged, and its file is one path element.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"a", "..", "a/../b", "%2e", "\x00", "对象", ".", "a\\b", "C:", long(300)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Check(name) != nil {
			return
		}
		back, err := FromPath("/objects/" + Segment(name))
		require.NoError(t, err)
		require.Equal(t, name, back)
		if file, err := File(name); err == nil {
			require.True(t, filepath.IsLocal(file))
			require.Equal(t, file, filepath.Base(file))
			require.LessOrEqual(t, len(file), 255)
		}
	})
}

func long(n int) string { return strings.Repeat("n", n) }
