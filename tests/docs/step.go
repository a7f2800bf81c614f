package docs

import (
	"slices"
	"strings"
)

// Step is one action of a reader and the expected output.
type Step struct {
	Terminal string // "" is 2
	Line     int    // in the page
	Command  string // "" to wait for more output
	Want     []string
}

// interrupt is the command for Ctrl-C.
const interrupt = "^C"

// Steps returns a page's steps in order, but starts the store first: a reader has to do that before
// earlier steps too.
func Steps(p *Page) (steps []Step) {
	for _, b := range p.Blocks("console") {
		if b.Of != "figures" {
			steps = append(steps, stepsOf(b)...)
		}
	}
	if start := slices.IndexFunc(steps, func(s Step) bool { return s.Terminal == "1" }); start > 0 {
		first := steps[start]
		steps = slices.Insert(slices.Delete(steps, start, start+1), 0, first)
	}
	return steps
}

func stepsOf(b Block) (steps []Step) {
	for i, line := range b.Lines {
		command, typed := strings.CutPrefix(line, "$ ")
		if line == interrupt {
			command, typed = interrupt, true
		}
		switch last := len(steps) - 1; {
		case typed:
			steps = append(steps, Step{Terminal: b.Of, Line: b.Line + i, Command: command})
		case i == 0:
			steps = append(steps, Step{Terminal: b.Of, Line: b.Line, Want: []string{line}})
		default:
			steps[last].Want = append(steps[last].Want, line)
		}
	}
	return steps
}
