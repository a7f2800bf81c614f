package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// interval is the time from one look at the store to the next.
const interval = 400 * time.Millisecond

// stream is what one open page gets as server-sent events. Everything that it needs begins with the
// request and ends with it.
type stream struct {
	page     *Page
	w        http.ResponseWriter
	client   *http.Client
	logs     []*logFile
	traffic  traffic
	messages *messages // nil without a broker
	disks    *disks
	objects  objects
	uploads  uploads
	upkeep   maintenance
	last     state // that was sent
}

// events serves a stream until the page is closed.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Second}
	defer client.CloseIdleConnections()
	s := &stream{page: p, w: w, client: client, logs: p.openLogs(), disks: newDisks(p.has.Compression)}
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if p.has.Broker {
		s.messages = newMessages(p.cfg.Cluster)
		background.Go(func() { s.messages.broker.Run(ctx) })
	}
	background.Go(func() { s.traffic.run(ctx, client, p.cfg.Cluster.API) })
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for s.send(ctx) == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// send sends one look at the store. An error means that the page is closed.
func (s *stream) send(ctx context.Context) error {
	lines, skipped := s.readLogs()
	if s.objects.due(lines) {
		s.objects.list(ctx, s)
	}
	if len(lines)+skipped > 0 {
		if err := s.event("requests", batch[line]{lines, skipped}); err != nil {
			return err
		}
	}
	if s.messages != nil {
		if err := s.event("messages", s.messages.take()); err != nil {
			return err
		}
	}
	if err := s.sendChanges(ctx); err != nil {
		return err
	}
	s.last = s.state(ctx)
	if err := s.event("state", s.last); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}

// sendChanges sends the lists that are not those that were sent.
func (s *stream) sendChanges(ctx context.Context) error {
	if changed := s.objects.changed(); changed != nil {
		if err := s.event("objects", changed); err != nil {
			return err
		}
	}
	if changed := s.changedUploads(); changed != nil {
		if err := s.event("uploads", changed); err != nil {
			return err
		}
	}
	if !s.page.has.Maintenance {
		return nil
	}
	if changed := s.upkeep.changed(ctx, s); changed != nil {
		return s.event("maintenance", changed)
	}
	return nil
}

func (s *stream) changedUploads() []upload {
	if !s.page.has.Uploads {
		return nil
	}
	var roots []string
	for _, process := range s.page.cfg.Cluster.Data {
		roots = append(roots, process.Root)
	}
	return s.uploads.changed(roots)
}

// batch is what happened since the last event, or as much of it as a reader can follow.
type batch[T any] struct {
	Items   []T `json:"items"`
	Skipped int `json:"skipped"`
}

func (s *stream) event(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, data)
	return err
}
