package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"gostore/tests/stack"
	"gostore/tests/stack/embedded"
	"gostore/tests/stack/keeper"
)

// startDocker is how to start containers: the real one is in docker.go, which is built only with the
// tag that package stack gives, since Docker's client takes longer to build than all the rest.
type startDocker func(ctx context.Context, label string, brokerOnly bool) (stack.Servers, error)

// keep is the keeper. Package stack starts it, with the flags that it takes, and with the lock of
// its place as open file 3: it is given back when this process ends.
func keep(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stack keep", flag.ContinueOnError)
	way := flags.String("way", "", "docker or embedded")
	dir := flags.String("dir", "", "for data")
	socket := flags.String("socket", "", "to answer on")
	lock := flags.String("lock", "", "file that is locked, removed at the end")
	label := flags.String("label", "", "marks what is made outside dir")
	brokerOnly := flags.Bool("broker-only", false, "do without Elasticsearch")
	temporary := flags.Bool("temporary", false, "remove dir at the end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	err := keeper.Run(ctx, keeper.Config{
		Socket: *socket,
		Log:    slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Start: func(ctx context.Context) (stack.Servers, error) {
			return start(ctx, stack.Way(*way), *dir, *label, *brokerOnly)
		},
	})
	if *temporary {
		err = errors.Join(err, os.RemoveAll(*dir))
	}
	return errors.Join(err, os.Remove(*lock))
}

func start(ctx context.Context, way stack.Way, dir, label string, brokerOnly bool) (stack.Servers, error) {
	switch way {
	case stack.Docker:
		return inDocker()(ctx, label, brokerOnly)
	case stack.Embedded:
		return embedded.Start(ctx, embedded.Options{Dir: dir, WithoutElasticsearch: brokerOnly})
	}
	return nil, fmt.Errorf("no keeper is needed for %q", way)
}
