package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gostore/common/es"
	"gostore/common/metrics"
	"gostore/tests/cluster"
	"gostore/tests/stack"
	"gostore/tests/watch"
)

// startTimeout bounds the start, which may include a cold build and the pull of two images.
const startTimeout = 10 * time.Minute

// run starts everything, prints what runs where, waits until ctx is done, and stops everything.
func run(ctx context.Context, o options) (err error) {
	if os.Getenv("TLS_CERT")+os.Getenv("TLS_KEY")+os.Getenv("TLS_CA") != "" {
		return errors.New("startup.sh runs services without TLS: unset TLS_CERT, TLS_KEY and TLS_CA, or see docs/deploy.md")
	}
	if err := os.Chdir(o.chapter); err != nil { // the go command finds all modules from there
		return err
	}
	index := cmp.Or(os.Getenv("ES_INDEX"), "metadata") // so that the next start with the same -d finds it
	if o.dir == "" {
		index = ""
		if o.dir, err = os.MkdirTemp("", "gostore-"); err != nil {
			return err
		}
		fmt.Printf("Everything is in %s, which is removed at the end; -d DIR keeps it.\n", o.dir)
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	servers, err := serversFor(starting, o)
	if err != nil {
		return err
	}
	if servers != nil {
		defer func() { err = errors.Join(err, closeServers(servers)) }()
	}
	if err := checkMetadata(starting, servers, index); err != nil {
		return err
	}
	cfg := configOf(o, index, servers)
	services := append(slices.Clone(cfg.DataServices), cfg.APIServices...)
	debug, err := reserveDebug(len(services), append(services, addresses(o.watchPort, 1)...))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, debug.release()) }()
	cfg.DebugAddresses = debug.addresses
	c, err := cluster.Start(starting, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	for _, p := range c.All() {
		report(ctx, p)
	}
	page, closePage := openPage(ctx, o, c, servers)
	defer func() { err = errors.Join(err, closePage()) }()
	announce(o, c, page)
	<-ctx.Done()
	fmt.Println("\nStopping.")
	return nil
}

// serversFor returns nil for a chapter that is a single program: it needs no servers.
func serversFor(ctx context.Context, o options) (stack.Servers, error) {
	if cluster.Single(o.chapter) {
		return nil, nil
	}
	return stack.Acquire(ctx, stack.Request{
		Ways:       stack.ForStartup(),
		Dir:        filepath.Join(o.dir, "stack"),
		BrokerOnly: cluster.BrokerOnly(o.chapter),
		Log:        func(line string) { fmt.Println(line) },
	})
}

// checkMetadata returns at once the error that API services would wait with until it is repaired: another
// version of Elasticsearch, a password that it wants, an index where the alias should be.
func checkMetadata(ctx context.Context, servers stack.Servers, index string) error {
	if servers == nil || servers.URLs().Elasticsearch == "" {
		return nil
	}
	url, name := servers.URLs().Elasticsearch, cmp.Or(index, "gostore-"+strings.ToLower(rand.Text()[:8]))
	c, err := es.New(es.Config{URL: url, Index: name}, metrics.New(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.Ready(ctx)
	if index == "" {
		err = cmp.Or(err, stack.DeleteIndices(url, name))
	}
	return err
}

func closeServers(servers stack.Servers) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return servers.Close(ctx)
}

func configOf(o options, index string, servers stack.Servers) cluster.Config {
	cfg := cluster.Config{Chapter: o.chapter, Dir: o.dir, Index: index, Servers: servers, APIServices: addresses(o.apiPort, o.apiServices)}
	if cluster.Single(o.chapter) {
		cfg.APIServices = cfg.APIServices[:1]
	} else {
		cfg.DataServices = addresses(o.dataPort, o.dataServices)
	}
	return cfg
}

func addresses(firstPort, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "localhost:" + strconv.Itoa(firstPort+i)
	}
	return list
}

// openPage returns a line that says where the page is. Without the page the store runs all the same,
// so an error is only in the line.
func openPage(ctx context.Context, o options, c *cluster.Cluster, servers stack.Servers) (line string, closePage func() error) {
	nothing := func() error { return nil }
	if o.watchPort == 0 {
		return "", nothing
	}
	page, err := watch.Open(watch.Config{
		Chapter: o.chapter, Logs: filepath.Join(o.dir, "log"), Port: o.watchPort, Cluster: c, Servers: servers,
		Started: func(p *cluster.Process) { report(ctx, p) },
	})
	if err != nil {
		return fmt.Sprintf("There is no page to watch it: %v. -watch-port selects another port.", err), nothing
	}
	return "Watch it, and break it, in a browser:\n  " + page.URL(), page.Close
}

func announce(o options, c *cluster.Cluster, page string) {
	fmt.Printf("\n%s is running.\n", filepath.Base(o.chapter))
	for _, p := range append(c.Data, c.API...) {
		fmt.Printf("  %-14s %-16s pid %-8d %s\n", p.Name, p.Address, p.PID(), p.Root)
	}
	fmt.Printf("  logs in %s\n", filepath.Join(o.dir, "log"))
	if steps, err := os.ReadFile(filepath.Join(o.chapter, "script", "first-steps.txt")); err == nil {
		fmt.Printf("\n%s", withAddresses(string(steps), c))
	}
	if page != "" {
		fmt.Printf("\n%s\n", page)
	}
	fmt.Println("\nCtrl-C stops it.")
}

// withAddresses replaces {api1} and {api2}, by the same address if there is one API service.
func withAddresses(steps string, c *cluster.Cluster) string {
	second := c.API[min(1, len(c.API)-1)]
	return strings.NewReplacer("{api1}", c.API[0].Address, "{api2}", second.Address).Replace(steps)
}

// report prints a line when the process's latest run ends before ctx is done, with the command that
// starts it again: readers kill services to see what happens.
func report(ctx context.Context, p *cluster.Process) {
	go func() {
		select {
		case <-ctx.Done():
		case <-p.Exited():
			fmt.Printf("%s on %s has ended. To start it again:\n  %s\n", p.Name, p.Address, p.Command())
		}
	}()
}
