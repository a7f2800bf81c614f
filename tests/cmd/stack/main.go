// Command stack starts the servers that go-store needs, RabbitMQ and Elasticsearch, prints their
// URLs, and stops them when it is interrupted:
//
//	go run ./tests/cmd/stack
//
// Test binaries and startup.sh use the same servers through package stack, so while this command
// runs every `go test work` finds them running. STACK=given|docker|embedded forces one of three
// ways to get them; see package stack.
//
// The servers belong to a separate process, the keeper, which is this command run as `stack keep`.
// It ends when there is no lease.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gostore/tests/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run, args := hold, os.Args[1:]
	if len(args) > 0 && args[0] == "keep" {
		run, args = keep, args[1:]
	}
	err := run(ctx, args)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// hold holds a lease until ctx is done.
func hold(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stack", flag.ContinueOnError)
	dir := flags.String("d", "", "directory of a separate pair and its data (default: the pair that tests share)")
	brokerOnly := flags.Bool("broker-only", false, "start RabbitMQ only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	servers, err := stack.Acquire(ctx, stack.Request{
		Ways: stack.ForTests(), Dir: *dir, BrokerOnly: *brokerOnly,
		Log: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	urls := servers.URLs()
	fmt.Printf("export RABBITMQ_SERVER='%s'\n", urls.RabbitMQ)
	if urls.Elasticsearch != "" {
		fmt.Printf("export ES_SERVER='%s'\n", urls.Elasticsearch)
	}
	<-ctx.Done()
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return servers.Close(closing)
}
