package docs

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMetrics checks that docs/operations.md explains every metric that common/metrics has, and no
// other, and that alerts and dashboard use no others.
func TestMetrics(t *testing.T) {
	watch(t, "common", "deploy")
	want := metricNames(t)
	require.NotEmpty(t, want)
	require.Equal(t, want, explained(t))
	help := read(t, "common/metrics/help.go")
	for _, name := range want {
		require.Contains(t, help, `"`+strings.TrimPrefix(name, "gostore_")+`":`, "a line HELP")
	}
	used := regexp.MustCompile(`gostore_[a-z_]+`)
	for _, file := range []string{"deploy/alerts.yml", "deploy/grafana.json"} {
		names := used.FindAllString(read(t, file), -1)
		require.NotEmpty(t, names, file)
		for _, name := range names {
			require.Contains(t, want, strings.TrimSuffix(name, "_bucket"), file)
		}
	}
	require.True(t, json.Valid([]byte(read(t, "deploy/grafana.json"))))
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, file))
	require.NoError(t, err)
	return string(content)
}

// metricNames returns the names in the source of common/metrics, sorted.
func metricNames(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	for _, found := range regexp.MustCompile("(?:counter|histogram|gauge)\\([\"`]([a-z_]+)|\"gostore_([a-z_]+)\"").FindAllStringSubmatch(read(t, "common/metrics/metrics.go"), -1) {
		names["gostore_"+found[1]+found[2]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// explained returns the names in the tables of the page, sorted.
func explained(t *testing.T) (names []string) {
	t.Helper()
	for _, s := range page(t, "docs/operations.md").Sections {
		for _, table := range s.Tables {
			if table.Head[0] != "metric" {
				continue
			}
			for _, row := range table.Rows {
				names = append(names, row[0]...)
			}
		}
	}
	slices.Sort(names)
	return names
}
