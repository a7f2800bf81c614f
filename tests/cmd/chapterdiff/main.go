// Command chapterdiff shows what a chapter adds to its predecessor. Run it in the root:
//
//	go run ./tests/cmd/chapterdiff v1 v2         the step as a unified diff, then its size
//	go run ./tests/cmd/chapterdiff -stat v1 v2   only the size
//	go run ./tests/cmd/chapterdiff               the sizes of all steps
//
// Below a step, the table of all steps lists apart what its new top-level packages add and what the
// rest changes. Module paths are normalised and go.sum is left out: see package step.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"gostore/tests/cmd/chapterdiff/step"
)

// errUsage is returned for an invalid command line.
var errUsage = errors.New("usage: chapterdiff [[-stat] CHAPTER CHAPTER], like chapterdiff v1 v2; -stat prints only the size")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out, err := run(ctx, ".", os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	fmt.Print(out)
}

// run returns the output for a command line.
func run(ctx context.Context, root string, args []string) (string, error) {
	flags := flag.NewFlagSet("chapterdiff", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errUsage is the message, in one line
	stat := flags.Bool("stat", false, "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return errUsage.Error() + "\n", nil
	} else if err != nil {
		return "", fmt.Errorf("%w: %v", errUsage, err)
	}
	if flags.NArg() == 0 && !*stat {
		steps, err := step.All(ctx, root)
		return table(steps), err
	}
	if flags.NArg() != 2 {
		return "", errUsage
	}
	s, err := step.Between(ctx, root, chapter(flags.Arg(0)), chapter(flags.Arg(1)))
	if err != nil {
		return "", err
	}
	if *stat {
		return sizes(s), nil
	}
	return s.Diff + "\n" + sizes(s), nil
}

// chapter accepts a name as the shell completes it: v1/.
func chapter(arg string) string { return strings.TrimSuffix(arg, "/") }

func sizes(s *step.Step) string {
	var b strings.Builder
	for _, f := range s.Files {
		if f.Kind() == step.Code {
			fmt.Fprintf(&b, "%12s  %s%s\n", plusMinus(f.Lines), f.Name(), remark(f))
		}
	}
	fmt.Fprintf(&b, "%12s  %s → %s, Go without tests\n", plusMinus(step.Total(s.Files, step.Code)), s.From, s.To)
	fmt.Fprintf(&b, "%12s  tests\n", plusMinus(step.Total(s.Files, step.Test)))
	fmt.Fprintf(&b, "%12s  other files\n", plusMinus(step.Total(s.Files, step.Other)))
	fmt.Fprintf(&b, "%d of the %d files of %s are unchanged\n", s.Unchanged, s.Before, s.From)
	return b.String()
}

func plusMinus(l step.Lines) string { return fmt.Sprintf("+%d −%d", l.Added, l.Removed) }

func remark(f step.File) string {
	switch {
	case f.Old == "":
		return " (new)"
	case f.New == "":
		return " (gone)"
	case f.Moved():
		return " (was " + f.Old + ")"
	}
	return ""
}

const row = "%-13s  %11s  %11s  %11s"

func table(steps []*step.Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, row+"  unchanged files\n", "step", step.Code, step.Test, step.Other)
	for _, s := range steps {
		fmt.Fprintf(&b, "%s  %d of %d\n", totals(s.From+" → "+s.To, s.Files), s.Unchanged, s.Before)
		for _, part := range s.Parts() {
			fmt.Fprintln(&b, totals("  "+part.Name, part.Files))
		}
	}
	return b.String()
}

func totals(name string, files []step.File) string {
	return fmt.Sprintf(row, name, plusMinus(step.Total(files, step.Code)),
		plusMinus(step.Total(files, step.Test)), plusMinus(step.Total(files, step.Other)))
}
