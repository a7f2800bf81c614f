// Command port carries a fix from one chapter to others. Run it in the root, after the fix was made
// in the first chapter and before it is committed:
//
//	go run ./tests/cmd/port v2 v3 v4 v5
//	go run ./tests/cmd/port -base HEAD~1 v2 v3 v4 v5   a fix that is the last commit
//
// Every file of v2 that differs from its version in HEAD, or in the revision that -base gives, is
// merged three-way (git merge-file) into the file of the same path in each other chapter. Import
// paths are those of the chapter that is written to. go.sum is left to go mod tidy.
//
// For each file the command prints what it did:
//
//	merged    the change is in the file now
//	unchanged the file had the change already
//	conflict  both differ in the same place, which is marked in the file; or a deleted file differs
//	missing   the chapter has no such file, or no such directory for a new file
//
// It exits with status 1 after a conflict.
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
var errUsage = errors.New("usage: port [-base REVISION] CHAPTER CHAPTER…, like port v2 v3 v4 v5: from v2 to the others")

// errConflicts is returned if a change could not be carried to every chapter.
var errConflicts = errors.New("there are conflicts: resolve them by hand")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, ".", os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// run carries out a command line in the repository at root and writes one line per file to w.
func run(ctx context.Context, root string, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("port", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errUsage is the message, in one line
	base := flags.String("base", "HEAD", "")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	if flags.NArg() < 2 {
		return errUsage
	}
	var chapters []string
	for _, arg := range flags.Args() {
		chapter := strings.TrimSuffix(arg, "/") // as the shell completes it
		if err := step.Check(root, chapter); err != nil {
			return err
		}
		chapters = append(chapters, chapter)
	}
	return port(ctx, source{root: root, chapter: chapters[0], base: *base}, chapters[1:], w)
}

func port(ctx context.Context, from source, chapters []string, w io.Writer) error {
	changes, err := from.changes(ctx)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return fmt.Errorf("%s has no change against %s", from.chapter, from.base)
	}
	var conflicts error
	for _, c := range changes {
		for _, chapter := range chapters {
			result, err := c.apply(ctx, from.root, chapter)
			if err != nil {
				return fmt.Errorf("port %s to %s: %w", c.path, chapter, err)
			}
			if result == conflict {
				conflicts = errConflicts
			}
			if _, err := fmt.Fprintf(w, "%-9s %s/%s\n", result, chapter, c.path); err != nil {
				return err
			}
		}
	}
	return conflicts
}
