package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"gostore/tests/cluster"
)

// Names of the servers.
const (
	broker        = "broker"
	elasticsearch = "elasticsearch"
)

var (
	errUnknown = errors.New("there is no such thing here")
	errEnded   = errors.New("it does not run, or was started by hand")
	errRuns    = errors.New("it runs already")
	errOthers  = errors.New("the servers were given to this store and may have other users")
)

// action serves an action that returns what a reader would type for it.
func (p *Page) action(do func(r *http.Request) (command string, err error)) http.Handler {
	return p.withToken(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		command, err := do(r)
		switch {
		case errors.Is(err, errUnknown):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusConflict)
		default:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprint(w, command) //nolint:errcheck // the action is done
		}
	}))
}

func (p *Page) process(name string) (*cluster.Process, error) {
	for _, process := range p.cfg.Cluster.All() {
		if process.Name == name {
			return process, nil
		}
	}
	return nil, fmt.Errorf("%w: service %q", errUnknown, name)
}

func (p *Page) serviceAction(r *http.Request) (command string, err error) {
	process, err := p.process(r.PathValue("service"))
	if err != nil {
		return "", err
	}
	action, pid := r.PathValue("action"), process.PID()
	if action == "start" {
		return process.Command(), p.start(process)
	}
	if hasEnded(process) {
		return "", fmt.Errorf("%s: %w", process.Name, errEnded)
	}
	switch action {
	case "kill":
		process.Kill()
		return fmt.Sprintf("kill -9 %d", pid), nil
	case "freeze":
		return fmt.Sprintf("kill -STOP %d", pid), process.Freeze()
	case "thaw":
		return fmt.Sprintf("kill -CONT %d", pid), process.Thaw()
	case "stop":
		return fmt.Sprintf("kill %d", pid), process.Stop()
	}
	return "", fmt.Errorf("%w: action %q", errUnknown, action)
}

// start starts a process once, however often it is asked to.
func (p *Page) start(process *cluster.Process) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !hasEnded(process) {
		return fmt.Errorf("%s: %w", process.Name, errRuns)
	}
	if err := process.Start(); err != nil {
		return err
	}
	p.cfg.Started(process)
	return nil
}

// serverAction has no command to type: the servers belong to a process of their own.
func (p *Page) serverAction(r *http.Request) (command string, err error) {
	name, action := r.PathValue("server"), r.PathValue("action")
	if name != broker && name != elasticsearch {
		return "", fmt.Errorf("%w: server %q", errUnknown, name)
	}
	if !p.ours() {
		return "", errOthers
	}
	// A server that was stopped is started again even if the browser leaves.
	ctx := context.WithoutCancel(r.Context())
	said := "# " + action + " " + name
	switch action {
	case "stop":
		return said, p.stopServer(ctx, name)
	case "start":
		return said, p.startServer(ctx, name)
	case "restart":
		return said, errors.Join(p.stopServer(ctx, name), p.startServer(ctx, name))
	}
	return "", fmt.Errorf("%w: action %q", errUnknown, action)
}

func (p *Page) stopServer(ctx context.Context, name string) error {
	p.setStopped(name, true)
	if name == broker {
		return p.cfg.Servers.StopBroker(ctx)
	}
	return p.cfg.Servers.StopElasticsearch(ctx)
}

func (p *Page) startServer(ctx context.Context, name string) error {
	start := p.cfg.Servers.StartElasticsearch
	if name == broker {
		start = p.cfg.Servers.StartBroker
	}
	err := start(ctx)
	if err == nil {
		p.setStopped(name, false)
	}
	return err
}

func (p *Page) setStopped(name string, stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stopped {
		p.stopped[name] = true
	} else {
		delete(p.stopped, name)
	}
}

func (p *Page) stoppedServers() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.stopped))
}

// fileAction deletes a file of a service's objects, or changes one byte of it.
func (p *Page) fileAction(r *http.Request) (command string, err error) {
	process, err := p.process(r.PathValue("service"))
	if err != nil {
		return "", err
	}
	file := r.PathValue("file")
	if process.Root == "" || filepath.Base(file) != file || !filepath.IsLocal(file) {
		return "", fmt.Errorf("%w: file %q of %s", errUnknown, file, process.Name)
	}
	path := filepath.Join(process.Root, "objects", file)
	switch r.PathValue("action") {
	case "delete":
		return "rm " + cluster.Quote(path), os.Remove(path)
	case "corrupt":
		return corruptByte(path)
	}
	return "", fmt.Errorf("%w: action %q", errUnknown, r.PathValue("action"))
}

// corruptByte inverts the byte in the middle of a file.
func corruptByte(path string) (command string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	at, b := info.Size()/2, make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return "", fmt.Errorf("no byte to corrupt: %w", err)
	}
	b[0] ^= 0xff
	_, err = f.WriteAt(b, at)
	return fmt.Sprintf(`printf '\%03o' | dd of=%s bs=1 seek=%d conv=notrunc`, b[0], cluster.Quote(path), at), err
}
