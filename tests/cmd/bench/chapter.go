package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// startChapter starts a chapter with data services, one API service, and a pair of servers of
// its own. The directory in name may be preceded by settings of the services, as in a shell.
func startChapter(ctx context.Context, name, dir string, o options) (t *target, err error) {
	settings, chapter := settingsOf(name)
	chapter, err = filepath.Abs(chapter)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(chapter, "go.mod")); err != nil {
		return nil, fmt.Errorf("%s is neither a chapter, nor \"minio\", nor \"seaweedfs\", nor the URL of an S3 endpoint: %w", name, err)
	}
	var release []func() error // released in reverse order
	stop := func() error {
		var errs []error
		for i := range release {
			errs = append(errs, release[len(release)-1-i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	ports, err := cluster.ReservePorts()
	if err != nil {
		return nil, err
	}
	release = append(release, ports.Release)
	cfg := cluster.Config{Chapter: chapter, Dir: dir, Env: settings}
	if err := addresses(&cfg, ports, o); err != nil {
		return nil, err
	}
	if !cluster.Single(chapter) {
		if cfg.Servers, err = acquire(ctx, chapter, dir); err != nil {
			return nil, err
		}
		release = append(release, func() error { return closeServers(cfg.Servers) })
	}
	c, err := cluster.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	release = append(release, c.Stop)
	return chapterTarget(filepath.Clean(name), c, cfg, stop), nil
}

// settingsOf splits a name into settings and the directory.
func settingsOf(name string) (settings []string, chapter string) {
	for {
		setting, rest, more := strings.Cut(name, " ")
		if !more || !strings.Contains(setting, "=") {
			return settings, name
		}
		settings, name = append(settings, setting), rest
	}
}

func chapterTarget(name string, c *cluster.Cluster, cfg cluster.Config, stop func() error) *target {
	t := &target{name: name, about: "one server", client: newStoreClient(c.API[0].URL()), stop: stop}
	for _, p := range c.All() {
		t.processes = append(t.processes, process{name: p.Name, pid: p.PID})
	}
	if cfg.Servers != nil {
		t.about = fmt.Sprintf("%d data services, one API service, %s", len(c.Data), cfg.Servers.Versions())
		t.processes = append(t.processes, serverProcesses(cfg.Servers.URLs())...)
	}
	if _, err := os.Stat(filepath.Join(cfg.Chapter, "rs")); err == nil { // objects survive the loss of data services
		t.data, t.metadata = c.Data, cfg.Servers.URLs().Elasticsearch+"/"+c.Index()+"-000001"
		t.stoppable = c.Data[len(c.Data)-stoppedServices:]
	}
	if cfg.DebugAddresses != nil {
		t.profiled = c.All()
	}
	return t
}

func addresses(cfg *cluster.Config, ports *cluster.Ports, o options) (err error) {
	services := o.services + 1
	if cluster.Single(cfg.Chapter) {
		services = 1
	}
	taken, err := ports.Take(2 * services)
	if err != nil {
		return err
	}
	cfg.DataServices, cfg.APIServices = taken[:services-1], taken[services-1:services]
	if o.profile != "" {
		cfg.DebugAddresses = taken[services:]
	}
	return nil
}

// acquire returns a pair of servers for this chapter only: embedded ones, unless STACK in the
// environment asks for others.
func acquire(ctx context.Context, chapter, dir string) (stack.Servers, error) {
	return stack.Acquire(ctx, stack.Request{
		Ways:       []stack.Way{stack.Embedded},
		Dir:        filepath.Join(dir, "stack"),
		BrokerOnly: cluster.BrokerOnly(chapter),
		Log:        func(string) {}, // the report has the versions
	})
}

func closeServers(servers stack.Servers) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return servers.Close(ctx)
}

// serverProcesses returns the processes of RabbitMQ and Elasticsearch that are visible on this
// machine.
func serverProcesses(urls stack.URLs) (found []process) {
	for name, server := range map[string]string{"rabbitmq": urls.RabbitMQ, "elasticsearch": urls.Elasticsearch} {
		if u, err := url.Parse(server); err == nil && server != "" {
			found = append(found, listeners(name, u.Host)...)
		}
	}
	return oneEach(found)
}
