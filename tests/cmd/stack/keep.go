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

// startDocker starts containers. The real one is in docker.go, which is only built with the tag
// docker, since Docker's client takes longer to build than everything else.
type startDocker func(ctx context.Context, label string, brokerOnly bool) (stack.Servers, error)

// keep is the keeper. Package stack starts it, with these flags, and with the lock of its location
// as open file 3: the lock is released when this process ends.
func keep(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stack keep", flag.ContinueOnError)
	way := flags.String("way", "", "docker or embedded")
	dir := flags.String("dir", "", "for data")
	socket := flags.String("socket", "", "to listen on")
	lock := flags.String("lock", "", "locked file, removed at the end")
	label := flags.String("label", "", "marks resources outside dir")
	brokerOnly := flags.Bool("broker-only", false, "start RabbitMQ only")
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
