// Package cluster runs a chapter: its real programs, as processes of their own, each with its port
// and STORE_ROOT. Tests stop, kill and freeze them; startup.sh just lets them run.
package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"gostore/tests/programs"
	"gostore/tests/stack"
)

// healthPatience is how long after its start a chapter may take until all of it is healthy.
const healthPatience = 30 * time.Second

// Config says what to run.
type Config struct {
	Chapter string // directory of the chapter's module
	Dir     string // STORE_ROOTs are Dir/1, Dir/2, …; logs in Dir/log
	// DataServices and APIServices are the addresses to listen on, host:port, one for each service.
	// A chapter that is one program (see Single) runs on the first of APIServices.
	DataServices, APIServices []string
	// Advertise is where data services say that they are reached, where that is not the address that
	// they listen on, in the same order.
	Advertise []string
	// DebugAddresses are where services answer /debug/pprof, in the same order: the data services',
	// then the API services'. None, and they do not.
	DebugAddresses []string
	// Servers are what the services talk to; nil for a chapter that needs none (see Single).
	Servers stack.Servers
	// Index is where metadata is kept in Elasticsearch; where it is empty the cluster has one of its
	// own, which goes when it stops.
	Index string
	// Programs is the directory of the chapter's programs where Build has put them; where it is empty
	// they are built.
	Programs string
	Env      []string // more settings, NAME=VALUE
}

// Cluster is a chapter that runs. Its methods may be called by several goroutines at once.
type Cluster struct {
	API, Data []*Process
	cfg       Config
	prefix    string // of what is the cluster's own on the servers
	leash     *leash
}

// Single tells whether a chapter is one program instead of API and data services. It needs no servers.
func Single(chapter string) bool { return !has(chapter, "apiservice") }

// BrokerOnly tells whether a chapter does without Elasticsearch.
func BrokerOnly(chapter string) bool { return !has(chapter, "apiservice/versions") }

func has(chapter, room string) bool {
	_, err := os.Stat(filepath.Join(chapter, room))
	return err == nil
}

// Start builds the chapter, starts its services and returns when all of them are healthy. On an
// error nothing is left running.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if err := allFree(append(cfg.DataServices, cfg.APIServices...)); err != nil {
		return nil, err
	}
	if cfg.Programs == "" {
		cfg.Programs = filepath.Join(cfg.Dir, "bin")
		if err := Build(ctx, cfg.Chapter, cfg.Programs); err != nil {
			return nil, err
		}
	}
	leash, err := newLeash()
	if err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, prefix: "gostore-" + strings.ToLower(rand.Text()[:8]) + "-", leash: leash}
	c.plan()
	if err := c.startAll(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// allFree makes a port in use one clear error, before anything runs.
func allFree(addresses []string) error {
	for _, address := range addresses {
		if err := tryListen(address); err != nil {
			return fmt.Errorf("%s cannot be listened on: is something running there? (%w)", address, err)
		}
	}
	return nil
}

// Build makes dir/apiservice and dir/dataservice, or dir/chapterN of a single program. Whoever starts
// several clusters of a chapter builds it once.
func Build(ctx context.Context, chapter, dir string) error {
	if err := showInputs(chapter); err != nil {
		return err
	}
	name := filepath.Base(chapter)
	if raceEnabled {
		return programs.Build(ctx, chapter, name+"-race", dir, "-race", "./...")
	}
	return programs.Build(ctx, chapter, name, dir, "./...")
}

// plan lays out the processes, none of which runs yet.
func (c *Cluster) plan() {
	if Single(c.cfg.Chapter) {
		p := c.process("server", "chapter*", c.cfg.APIServices[0])
		p.giveRoot(filepath.Join(c.cfg.Dir, "1"))
		c.API = []*Process{p}
	} else {
		c.planServices()
	}
	for i, address := range c.cfg.DebugAddresses {
		c.All()[i].giveDebug(address)
	}
}

func (c *Cluster) planServices() {
	for i, address := range c.cfg.DataServices {
		n := strconv.Itoa(i + 1)
		p := c.process("dataservice-"+n, "dataservice", address)
		p.giveRoot(filepath.Join(c.cfg.Dir, n))
		if len(c.cfg.Advertise) > 0 {
			p.Env = append(p.Env, "ADVERTISE_ADDRESS="+c.cfg.Advertise[i])
		}
		c.Data = append(c.Data, p)
	}
	for i, address := range c.cfg.APIServices {
		c.API = append(c.API, c.process("apiservice-"+strconv.Itoa(i+1), "apiservice", address))
	}
}

// Index is where the metadata is.
func (c *Cluster) Index() string { return cmp.Or(c.cfg.Index, c.prefix+"metadata") }

func (c *Cluster) process(name, program, address string) *Process {
	env := append([]string{"LISTEN_ADDRESS=" + address}, c.cfg.Env...)
	if c.cfg.Servers != nil {
		urls := c.cfg.Servers.URLs()
		env = append(env, "RABBITMQ_SERVER="+urls.RabbitMQ, "RABBITMQ_PREFIX="+c.prefix)
		if urls.Elasticsearch != "" {
			env = append(env, "ES_SERVER="+urls.Elasticsearch, "ES_INDEX="+c.Index())
		}
	}
	return &Process{
		Name:    name,
		Address: address,
		Env:     env,
		program: filepath.Join(c.cfg.Programs, program),
		health:  "/healthz",
		logFile: filepath.Join(c.cfg.Dir, "log", name+".log"),
		leash:   c.leash,
	}
}

func (c *Cluster) startAll(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(c.cfg.Dir, "log"), 0o755); err != nil {
		return err
	}
	for _, p := range c.All() {
		if err := p.Start(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	return c.AwaitHealthy(ctx)
}

// AwaitHealthy waits until every service answers that it is ready.
func (c *Cluster) AwaitHealthy(ctx context.Context) error {
	for _, p := range c.All() {
		if err := p.AwaitHealthy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// All lists the services, data services first: they start first and stop last.
func (c *Cluster) All() []*Process {
	return append(c.Data[:len(c.Data):len(c.Data)], c.API...)
}

// Stop stops the services, API services first, so that none loses what stands behind it in the
// middle of a request. It kills those that do not stop within 15 s, which is an error, and removes
// what was the cluster's own on the servers. Nothing of the cluster runs when it returns.
func (c *Cluster) Stop() error {
	return errors.Join(stopTogether(c.API), stopTogether(c.Data), c.leash.kill(), c.tidyServers())
}

func (c *Cluster) tidyServers() error {
	if c.cfg.Servers == nil {
		return nil
	}
	urls := c.cfg.Servers.URLs()
	err := stack.DeleteExchanges(urls.RabbitMQ, c.prefix+"apiServers", c.prefix+"dataServers")
	if urls.Elasticsearch == "" || c.cfg.Index != "" {
		return err
	}
	return errors.Join(err, stack.DeleteIndices(urls.Elasticsearch, c.Index()))
}

func stopTogether(processes []*Process) error {
	errs := make([]error, len(processes))
	var stopping sync.WaitGroup
	for i, p := range processes {
		stopping.Go(func() { errs[i] = p.Stop() })
	}
	stopping.Wait()
	return errors.Join(errs...)
}

// WriteLogs writes the end of every service's log, for whoever wonders why a test failed.
func (c *Cluster) WriteLogs(w io.Writer) {
	for _, p := range c.All() {
		fmt.Fprintf(w, "--- %s (%s)\n%s\n", p.Name, p.Address, p.LogTail()) //nolint:errcheck // there is nowhere else to tell
	}
}

// poll calls ready until it returns nil, fails for good, or ctx is done.
func poll(ctx context.Context, ready func() (again bool, err error)) error {
	for {
		again, err := ready()
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
