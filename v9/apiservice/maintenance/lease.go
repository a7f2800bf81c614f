package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/heartbeat"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/objectstream"
	"gostore/common/es"
)

const (
	// lifetime is how long a lease lasts that is not renewed, by the clock of the one who waits.
	lifetime = 10 * time.Second
	renewal  = lifetime / 5
	poll     = time.Second
	leaseID  = "lease"
)

// Maintainer maintains the store, in turns with those of other API services. Its methods may be called by
// several goroutines at once.
type Maintainer struct {
	cfg          Config
	self         string
	versions     *Versions
	documents    *es.Documents
	dataServices *heartbeat.Monitor
	locator      *locate.Locator
	streams      *objectstream.Client
	repairer     *erasure.Repairer
	log          *slog.Logger

	seen  es.Document // the lease as it was last read or written; of the goroutine of Run
	since time.Time   // when that was new

	mu     sync.Mutex
	report Report // while this service holds the lease
}

// New returns a maintainer, which announces itself by the address of its service. It works while Run runs.
func New(cfg Config, address string, versions *Versions, dataServices *heartbeat.Monitor, locator *locate.Locator,
	streams *objectstream.Client, repairer *erasure.Repairer, log *slog.Logger) *Maintainer {
	return &Maintainer{
		cfg: cfg, self: address + " " + uuid.NewString(), versions: versions, documents: versions.Documents("maintenance"),
		dataServices: dataServices, locator: locator, streams: streams, repairer: repairer, log: log,
	}
}

// Run works when it has the lease, until ctx is done.
func (m *Maintainer) Run(ctx context.Context) {
	for m.cfg.on && ctx.Err() == nil {
		taken, err := m.take(ctx)
		if err != nil && ctx.Err() == nil {
			m.log.Warn("maintenance cannot begin", "error", err)
		}
		if taken {
			m.hold(ctx)
		}
		pause(ctx, poll)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// lease is the document. Its fields are those of the mapping.
type lease struct {
	Name   string `json:"name"`
	Report Report `json:"meta"`
}

func (m *Maintainer) read(ctx context.Context) (es.Document, Report, error) {
	found, err := m.documents.Get(ctx, leaseID)
	var now lease
	if doc, there := found[leaseID]; err == nil && there {
		err = json.Unmarshal(doc.Source, &now)
	}
	return found[leaseID], now.Report, err
}

// take takes a lease that was released, or was not renewed for its lifetime.
func (m *Maintainer) take(ctx context.Context) (bool, error) {
	now, report, err := m.read(ctx)
	if err != nil {
		return false, err
	}
	if now.IsNewer(m.seen) {
		m.seen, m.since = now, time.Now()
	}
	if report.Holder != "" && time.Since(m.since) < lifetime {
		return false, nil
	}
	m.seen = now
	report.Holder = m.self
	m.note(func(r *Report) { *r = report })
	err = m.save(ctx)
	return err == nil, ignore(err, es.ErrConflict)
}

func ignore(err, ignored error) error {
	if errors.Is(err, ignored) {
		return nil
	}
	return err
}

// note changes the report.
func (m *Maintainer) note(change func(r *Report)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.report)
}

// known returns the report as it is.
func (m *Maintainer) known() (now Report) {
	m.note(func(r *Report) { now = *r })
	return now
}

// save renews the lease, with the report as it is.
func (m *Maintainer) save(ctx context.Context) (err error) {
	now := lease{leaseID, m.known()}
	now.Report.Until = time.Now().Add(lifetime)
	m.seen, err = m.documents.Put(ctx, leaseID, m.seen, now)
	return err
}

// hold works until the lease is lost or ctx is done, and releases it.
func (m *Maintainer) hold(ctx context.Context) {
	working, cancel := context.WithCancel(ctx)
	var loops sync.WaitGroup
	if m.cfg.collects {
		loops.Go(func() { m.collectAgain(working) })
	}
	loops.Go(func() { m.scanAgain(working) })
	m.renew(ctx)
	cancel()
	loops.Wait()
	m.note(func(r *Report) { r.Holder = "" })
	_ = m.save(context.WithoutCancel(ctx)) // else it expires
}

// renew returns when another service has the lease, or may have it.
func (m *Maintainer) renew(ctx context.Context) {
	for renewed := time.Now(); ctx.Err() == nil && time.Since(renewed) < lifetime; pause(ctx, renewal) {
		err := m.save(ctx)
		switch {
		case err == nil:
			renewed = time.Now()
		case errors.Is(err, es.ErrConflict):
			return
		}
	}
}
