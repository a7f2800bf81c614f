package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExercises checks that each chapter fails exactly the exercises that its page names, in a
// test's own check and not because the chapter did not start.
func TestExercises(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	skipOnDocker(t)
	for _, chapter := range chapters(t) {
		t.Run(chapter, func(t *testing.T) {
			t.Parallel()
			failed := runExercises(t, chapter)
			named := exercisesOf(page(t, "docs/"+chapter+".md"))
			for _, name := range named {
				assert.Contains(t, failed[name], "exercises.go:", "%s does not fail in %s: if it is solved there, it belongs into tests.go, "+
					"and the page must not call it an exercise", name, chapter)
				delete(failed, name)
			}
			assert.Empty(t, failed, "exercises that docs/%s.md does not name", chapter)
		})
	}
}

// exercisesOf returns the exercises that a page names as `TestChapter/NAME`.
func exercisesOf(p *Page) (names []string) {
	for _, s := range p.Sections {
		if s.Heading != "Exercises" {
			continue
		}
		for _, span := range s.Spans {
			if name, ok := strings.CutPrefix(span, "TestChapter/"); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// runExercises returns the output of each failed exercise.
func runExercises(t *testing.T, chapter string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-vet=off", ".", "-exercises")
	cmd.Dir, cmd.Env = filepath.Join(repository, chapter), append(ownEnvironment(os.Environ()), "STACK=embedded")
	out, _ := cmd.Output() // exercises fail
	output, failed := map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(out)) {
		var event struct{ Action, Test, Output string }
		require.NoError(t, json.Unmarshal([]byte(line), &event), line)
		name, isExercise := strings.CutPrefix(event.Test, "TestChapter/")
		output[name] += event.Output
		if isExercise && event.Action == "fail" {
			failed[name] = output[name]
		}
	}
	require.NotEmpty(t, failed, "%s", out)
	return failed
}

func TestExercisesOf(t *testing.T) {
	p := parse("x.md", []byte("## Exercises\n1. **Bold.** `TestChapter/One`: a `b`.\n2. `TestChapter/Two`\n## Other\n`TestChapter/Three`\n"))
	require.True(t, slices.Equal([]string{"One", "Two"}, exercisesOf(p)))
}
