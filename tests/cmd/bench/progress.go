package main

import (
	"fmt"
	"os"
	"strings"
)

// progress shows on a terminal what is being measured, in one line that the next one replaces. It
// is not safe for concurrent use.
type progress struct {
	terminal bool
}

func newProgress() *progress {
	info, err := os.Stderr.Stat()
	return &progress{err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// eraseLine clears a terminal's line and moves to its start (ECMA-48).
const eraseLine = "\r\x1b[K"

func (p *progress) say(what ...any) {
	if p.terminal {
		fmt.Fprint(os.Stderr, eraseLine, strings.TrimSpace(fmt.Sprintln(what...)))
	}
}

// warn prints a line that is not replaced.
func (p *progress) warn(line string) {
	p.done()
	fmt.Fprintln(os.Stderr, line)
}

// done clears the line.
func (p *progress) done() {
	if p.terminal {
		fmt.Fprint(os.Stderr, eraseLine)
	}
}
