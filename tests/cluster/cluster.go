// Package cluster runs a chapter's programs as separate processes, each with its own port and
// STORE_ROOT. Tests stop, kill and freeze them; startup.sh only runs them.
package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"gostore/tests/certs"
	"gostore/tests/programs"
	"gostore/tests/stack"
)

// healthTimeout is how long a chapter may take from its start until all services are healthy.
const healthTimeout = 30 * time.Second

// Config says what to run.
type Config struct {
	Chapter string // directory of the chapter's module
	Dir     string // STORE_ROOTs are Dir/1, Dir/2, …; logs are in Dir/log
	// DataServices and APIServices are the addresses to listen on, host:port, one per service. A
	// chapter that is one program (see Single) runs on the first of APIServices.
	DataServices, APIServices []string
	// Advertise are the addresses that data services announce, if they differ from DataServices, in
	// the same order.
	Advertise []string
	// DebugAddresses are the addresses for /metrics and /debug/pprof, first those of the data services, then
	// those of the API services. If empty, services do not serve them.
	DebugAddresses []string
	// Servers are RabbitMQ and Elasticsearch; nil for a chapter that needs none (see Single).
	Servers stack.Servers
	// Index is the name of the metadata index. If empty, the cluster uses an index of its own and
	// deletes it when it stops.
	Index string
	// Programs is the directory in which Build has put the chapter's programs. If empty, Start
	// builds them.
	Programs string
	Env      []string // additional settings, NAME=VALUE, or others than those of the cluster
	// TLS are the certificates of all services, and of the health checks; nil for plain HTTP.
	TLS *certs.Files
}

// Cluster is a running chapter. Its methods may be called by several goroutines concurrently.
type Cluster struct {
	API, Data []*Process
	cfg       Config
	prefix    string      // of the cluster's exchanges and index
	secure    *tls.Config // of a client of the services; nil for plain HTTP
	leash     *leash
}

// Single reports whether a chapter is one program instead of API and data services. It needs no
// servers.
func Single(chapter string) bool { return !has(chapter, "apiservice") }

// BrokerOnly reports whether a chapter works without Elasticsearch.
func BrokerOnly(chapter string) bool { return !has(chapter, "apiservice/versions") }

func has(chapter, dir string) bool {
	_, err := os.Stat(filepath.Join(chapter, dir))
	return err == nil
}

// Start builds the chapter, starts its services and returns when all are healthy. After an error
// nothing is left running.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if err := checkFree(append(cfg.DataServices, cfg.APIServices...)); err != nil {
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
	if err := c.plan(); err != nil {
		return nil, errors.Join(err, leash.kill())
	}
	if err := c.startAll(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// checkFree turns a port in use into one clear error before anything is started.
func checkFree(addresses []string) error {
	for _, address := range addresses {
		if err := tryListen(address); err != nil {
			return fmt.Errorf("cannot listen on %s: is another program running there? (%w)", address, err)
		}
	}
	return nil
}

// Build builds dir/apiservice and dir/dataservice, or dir/chapterN for a single program. Callers
// that start several clusters of a chapter build it once.
func Build(ctx context.Context, chapter, dir string) error {
	if err := showInputs(chapter); err != nil {
		return err
	}
	name := filepath.Base(chapter)
	if RaceEnabled {
		return programs.Build(ctx, chapter, name+"-race", dir, "-race", "./...")
	}
	return programs.Build(ctx, chapter, name, dir, "./...")
}

// plan creates the processes without starting them.
func (c *Cluster) plan() (err error) {
	if c.cfg.TLS != nil {
		if c.secure, err = c.cfg.TLS.Config(); err != nil {
			return err
		}
		c.cfg.Env = append(c.cfg.Env, c.cfg.TLS.Env()...)
	}
	if Single(c.cfg.Chapter) {
		p := c.process("server", "chapter*", c.cfg.APIServices[0])
		p.setRoot(filepath.Join(c.cfg.Dir, "1"))
		c.API = []*Process{p}
	} else {
		c.planServices()
	}
	for i, address := range c.cfg.DebugAddresses {
		c.All()[i].Debug = address
	}
	return nil
}

func (c *Cluster) planServices() {
	for i, address := range c.cfg.DataServices {
		n := strconv.Itoa(i + 1)
		p := c.process("dataservice-"+n, "dataservice", address)
		p.setRoot(filepath.Join(c.cfg.Dir, n))
		if len(c.cfg.Advertise) > 0 {
			p.Env = append(p.Env, "ADVERTISE_ADDRESS="+c.cfg.Advertise[i])
		}
		c.Data = append(c.Data, p)
	}
	for i, address := range c.cfg.APIServices {
		c.API = append(c.API, c.process("apiservice-"+strconv.Itoa(i+1), "apiservice", address))
	}
}

// Index returns the name of the metadata index.
func (c *Cluster) Index() string { return cmp.Or(c.cfg.Index, c.prefix+"metadata") }

func (c *Cluster) process(name, program, address string) *Process {
	env := []string{"LISTEN_ADDRESS=" + address}
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
		Env:     append(env, c.cfg.Env...),
		program: filepath.Join(c.cfg.Programs, program),
		health:  "/healthz",
		logFile: filepath.Join(c.cfg.Dir, "log", name+".log"),
		leash:   c.leash,
		secure:  c.secure,
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
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	return c.AwaitHealthy(ctx)
}

// AwaitHealthy waits until every service reports that it is ready.
func (c *Cluster) AwaitHealthy(ctx context.Context) error {
	for _, p := range c.All() {
		if err := p.AwaitHealthy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// All returns all services, data services first.
func (c *Cluster) All() []*Process {
	return append(c.Data[:len(c.Data):len(c.Data)], c.API...)
}

// Stop stops the API services, then the data services, so that no request loses its data service.
// It kills services that do not stop within 15 s, which is an error, and deletes the cluster's
// exchanges and index. No process of the cluster runs when it returns.
func (c *Cluster) Stop() error {
	return errors.Join(stopAll(c.API), stopAll(c.Data), c.leash.kill(), c.cleanServers())
}

func (c *Cluster) cleanServers() error {
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

func stopAll(processes []*Process) error {
	errs := make([]error, len(processes))
	var stopping sync.WaitGroup
	for i, p := range processes {
		stopping.Go(func() { errs[i] = p.Stop() })
	}
	stopping.Wait()
	return errors.Join(errs...)
}

// WriteLogs writes the end of every service's log, to explain a failed test.
func (c *Cluster) WriteLogs(w io.Writer) {
	for _, p := range c.All() {
		fmt.Fprintf(w, "--- %s (%s)\n%s\n", p.Name, p.Address, p.LogTail()) //nolint:errcheck // there is nowhere else to tell
	}
}

// poll calls ready until it returns nil, again is false, or ctx is done.
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
