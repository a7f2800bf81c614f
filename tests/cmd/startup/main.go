// Command startup runs a chapter until it is interrupted. vN/script/startup.sh starts it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	opts, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, opts)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	chapter                   string // directory, absolute
	dir                       string // absolute, or empty for a temporary one
	dataServices, apiServices int
	dataPort, apiPort         int // of the first service; the others follow
	watchPort                 int // of the page that shows the store; 0 for none
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("startup.sh", flag.ContinueOnError)
	flags.StringVar(&o.chapter, "chapter", "", "directory of the chapter (startup.sh gives it)")
	flags.StringVar(&o.dir, "d", "", "directory for objects, logs and programs, kept for the next start (default: a temporary one)")
	flags.IntVar(&o.dataServices, "n", 6, "number of data services")
	flags.IntVar(&o.apiServices, "a", 2, "number of API services")
	flags.IntVar(&o.dataPort, "data-port", 12345, "port of the first data service")
	flags.IntVar(&o.apiPort, "api-port", 12351, "port of the first API service")
	flags.IntVar(&o.watchPort, "watch-port", 12300, "port of the page that shows the store, on loopback (0: no page)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.chapter == "" {
		return o, fmt.Errorf("unexpected arguments: %q: see -h", flags.Args())
	}
	if o.dataServices < 1 || o.apiServices < 1 {
		return o, errors.New("at least one data service and one API service are needed")
	}
	return o, o.makeAbsolute()
}

func (o *options) makeAbsolute() (err error) {
	if o.dir != "" {
		if o.dir, err = filepath.Abs(o.dir); err != nil {
			return err
		}
	}
	o.chapter, err = filepath.Abs(o.chapter)
	return err
}
