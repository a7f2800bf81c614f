package watch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"gostore/tests/cluster"
	"gostore/tests/stack"
)

// states of a process, as the page's texts name them.
const (
	alive    = "alive"
	frozen   = "frozen"
	dead     = "dead"
	starting = "starting"
	unready  = "unready" // it runs, but cannot serve: its broker is down, for example
)

// state is the whole picture at one moment.
type state struct {
	Services []service `json:"services"` // data services first
	Servers  []server  `json:"servers"`
	Counters counters  `json:"counters"`
	Saved    *saving   `json:"saved,omitempty"` // by compression
}

// service is one process of the chapter.
type service struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	PID     int    `json:"pid"`
	State   string `json:"state"`
	Note    string `json:"note,omitempty"` // why it is not ready
	Beat    *beat  `json:"beat,omitempty"`
	Disk    *disk  `json:"disk,omitempty"`
}

// beat says when a data service was last heard.
type beat struct {
	Age    float64 `json:"age"`    // seconds since the last heartbeat
	Silent bool    `json:"silent"` // none came since the page was opened: it is older than Age
}

// server is the broker or Elasticsearch.
type server struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

func (s *stream) state(ctx context.Context) state {
	all := s.page.cfg.Cluster.All()
	now := state{Services: make([]service, len(all)), Counters: s.traffic.counters()}
	stopped := stoppedProcesses(ctx, all)
	var asking sync.WaitGroup
	for i, process := range all {
		asking.Go(func() { now.Services[i] = s.service(ctx, process, stopped[process.PID()]) })
	}
	asking.Go(func() { now.Servers = s.servers(ctx) })
	asking.Wait()
	for i, process := range all {
		if process.Root != "" {
			now.Services[i].Disk = s.disks.of(process.Root)
		}
	}
	now.Saved = s.disks.saved()
	return now
}

func (s *stream) service(ctx context.Context, process *cluster.Process, stopped bool) service {
	found := service{Name: process.Name, Address: process.Address, PID: process.PID()}
	if s.messages != nil && process.Root != "" {
		found.Beat = s.messages.age(process.Address)
	}
	if stopped {
		found.State = frozen
		return found
	}
	err := health(ctx, s.client, process.URL()+"/healthz")
	switch {
	case err == nil: // perhaps in another process, which a reader has started by hand
		found.State = alive
		s.page.setHealthy(process.Name, found.PID)
	case hasEnded(process):
		found.State = dead
	case s.page.wasHealthy(process.Name, found.PID):
		found.State, found.Note = unready, err.Error()
	default:
		found.State, found.Note = starting, err.Error()
	}
	return found
}

func (p *Page) setHealthy(name string, pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.healthy[name] = pid
}

func (p *Page) wasHealthy(name string, pid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.healthy[name] == pid
}

func hasEnded(process *cluster.Process) bool {
	select {
	case <-process.Exited():
		return true
	default:
		return false
	}
}

// stoppedProcesses returns the process ids of those that SIGSTOP has stopped. A reader may have done
// that in a terminal, so the system is asked.
func stoppedProcesses(ctx context.Context, all []*cluster.Process) map[int]bool {
	var ids []string
	for _, process := range all {
		if !hasEnded(process) {
			ids = append(ids, strconv.Itoa(process.PID()))
		}
	}
	// It fails if none of the processes is left. Without the command a frozen service is shown as
	// one that is not ready.
	out, _ := exec.CommandContext(ctx, "ps", "-o", "pid=,state=", "-p", strings.Join(ids, ",")).Output()
	stopped := map[int]bool{}
	for row := range strings.Lines(string(out)) {
		if id, state, _ := strings.Cut(strings.TrimSpace(row), " "); strings.HasPrefix(strings.TrimSpace(state), "T") {
			pid, _ := strconv.Atoi(id) // printed as a number
			stopped[pid] = true
		}
	}
	return stopped
}

// health returns nil for a 200, and otherwise what the service says.
func health(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() // read to its end
	said, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(said)))
	}
	return err
}

// servers asks Elasticsearch; the connection to the broker shows whether that is alive.
func (s *stream) servers(ctx context.Context) []server {
	list := []server{}
	if s.messages != nil {
		list = append(list, server{broker, s.messages.state()})
	}
	if s.page.has.Versions {
		url := s.page.cfg.Servers.URLs().Elasticsearch
		list = append(list, server{elasticsearch, aliveIf(health(ctx, s.client, url) == nil)})
	}
	return list
}

func aliveIf(ok bool) string {
	if ok {
		return alive
	}
	return dead
}

// ours reports whether the page may stop the servers: given ones belong to others.
func (p *Page) ours() bool {
	return p.cfg.Servers != nil && stack.Stoppable(p.cfg.Servers)
}
