package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"gostore/tests/cluster"
)

// profiles records CPU profiles of a store's services under load, one second each, one after the
// other, in DIR/TARGET/LOAD-CELL/SERVICE-ROUND-N.pprof. `go tool pprof` merges the files that it is
// given.
type profiles struct {
	ended   chan struct{}
	writing sync.WaitGroup
	errs    []error // by service
}

// startProfiles starts recording until finish. Without a directory, and in the warm-up, it does
// nothing.
func startProfiles(ctx context.Context, t *target, dir string, s step) *profiles {
	p := &profiles{ended: make(chan struct{})}
	if dir == "" || s.round == 0 {
		return p
	}
	p.errs = make([]error, len(t.profiled))
	base := filepath.Join(dir, filepath.Base(t.name), fmt.Sprintf("%s-%s", s.load, s.cell))
	for i, service := range t.profiled {
		p.writing.Go(func() { p.errs[i] = p.follow(ctx, service, base, s.round) })
	}
	return p
}

// finish returns when the last profile is written.
func (p *profiles) finish() error {
	close(p.ended)
	p.writing.Wait()
	return errors.Join(p.errs...)
}

func (p *profiles) follow(ctx context.Context, service *cluster.Process, base string, round int) error {
	select {
	case <-service.Exited(): // stopped for degraded reads
		return nil
	default:
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	for n := 0; ; n++ {
		file := filepath.Join(base, fmt.Sprintf("%s-%d-%d.pprof", service.Name, round, n))
		if err := profile(ctx, service, file); err != nil {
			return fmt.Errorf("profile %s: %w", service.Name, err)
		}
		select {
		case <-p.ended:
			return nil
		default:
		}
	}
}

func profile(ctx context.Context, service *cluster.Process, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+service.Debug+"/debug/pprof/profile?seconds=1", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() // read to its end
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}
