package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"gostore/tests/cluster"
)

const (
	dataServices    = 6
	stoppedServices = 2 // stopped for degraded reads

	startTimeout = 5 * time.Minute // a cold build

	// settleTime is how long a store may take to notice that a data service stopped or returned: an
	// API service treats it as dead after 5 s.
	settleTime = 7 * time.Second
)

// target is a store under measurement.
type target struct {
	name      string
	about     string // description for the report
	client    client
	processes []process          // visible ones, for CPU time and memory
	data      []*cluster.Process // data services
	metadata  string             // URL of the index that takes new versions
	stoppable []*cluster.Process // stopped for degraded reads; none if the store does not support them
	profiled  []*cluster.Process // services with /debug/pprof
	stop      func() error
}

// openTarget starts a store or connects to a running one: name is the directory of a chapter,
// "minio", "seaweedfs", or the URL of an S3 endpoint. A started store keeps its data in dir. The caller closes
// it.
func openTarget(ctx context.Context, name, dir string, o options) (*target, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	switch {
	case strings.Contains(name, "://"):
		return openEndpoint(ctx, name, o)
	case name == "minio":
		return startMinIO(ctx, dir, o)
	case name == "seaweedfs":
		return startSeaweedFS(ctx, dir, o)
	default:
		return startChapter(ctx, name, dir, o)
	}
}

// openEndpoint takes keys from the environment, where they are less visible than in arguments.
func openEndpoint(ctx context.Context, name string, o options) (*target, error) {
	endpoint, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	client, err := newS3Client(ctx, endpoint, credentials.NewEnvAWS(), o.unsigned)
	if err != nil {
		return nil, err
	}
	return &target{name: endpoint.Host, about: "an S3 endpoint", client: client, processes: listeners("server", endpoint.Host)}, nil
}

// close stops the store that openTarget started, or removes what was put into a running one. The
// caller removes dir.
func (t *target) close() error {
	var errs []error
	if t.stop == nil { // the data of a started store is removed with its directory
		errs = append(errs, t.client.close())
	} else {
		errs = append(errs, t.stop())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// stopSome stops the services that degraded reads do without.
func (t *target) stopSome() error {
	var errs []error
	for _, p := range t.stoppable {
		errs = append(errs, p.Stop())
	}
	return errors.Join(errs...)
}

// restartStopped starts them again.
func (t *target) restartStopped(ctx context.Context) error {
	for _, p := range t.stoppable {
		if err := p.Start(); err != nil {
			return err
		}
	}
	for _, p := range t.stoppable {
		if err := p.AwaitHealthy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// can reports whether a store supports a load.
func (t *target) can(l load) bool { return l != loadDegraded || len(t.stoppable) > 0 }
