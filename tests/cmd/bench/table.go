package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// minWidth is the width of an empty column: its rule is "--:".
const minWidth = 3

// table is printed as Markdown with aligned columns, for terminals and pages alike. The first
// column is text, the others are figures.
type table struct {
	rows [][]string // the first is the header
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	widths := slices.Repeat([]int{minWidth}, len(t.rows[0]))
	for _, row := range t.rows {
		for i, text := range row {
			widths[i] = max(widths[i], len([]rune(text)))
		}
	}
	for n, row := range t.rows {
		line(w, row, widths)
		if n == 0 {
			line(w, rule(widths), widths)
		}
	}
	printTo(w, "\n")
}

// rule returns the line between header and rows.
func rule(widths []int) []string {
	dashes := make([]string, len(widths))
	for i, width := range widths {
		dashes[i] = strings.Repeat("-", width-1) + ":"
	}
	dashes[0] = strings.Repeat("-", widths[0])
	return dashes
}

func line(w io.Writer, row []string, widths []int) {
	padded := make([]string, len(row))
	for i, text := range row {
		gap := strings.Repeat(" ", widths[i]-len([]rune(text)))
		if padded[i] = gap + text; i == 0 {
			padded[i] = text + gap
		}
	}
	printTo(w, "| %s |\n", strings.Join(padded, " | "))
}

func printTo(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...) // the output is gone; there is no place to report it
}

// number formats x with three significant digits.
func number(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 9.995:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}
