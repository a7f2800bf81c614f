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
	dataServices = 6
	lost         = 2 // of them, for degraded reads

	startPatience = 5 * time.Minute // a cold build

	// settling is how long a store may take to see who is gone, or back: an API service takes a data
	// service for dead after 5 s.
	settling = 7 * time.Second
)

// target is a store that is measured.
type target struct {
	name      string
	about     string // what it is, for people
	client    client
	processes []process          // those that are known, for their CPU time and memory
	losable   []*cluster.Process // what degraded reads must do without; none if the store cannot
	profiled  []*cluster.Process // what answers /debug/pprof
	stop      func() error
}

// openTarget starts a store, or takes one that runs: a directory of a chapter, "minio", or the URL of
// an S3 endpoint. What it keeps is in dir. The caller closes it.
func openTarget(ctx context.Context, name, dir string, o options) (*target, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	switch {
	case strings.Contains(name, "://"):
		return openEndpoint(ctx, name, o)
	case name == "minio":
		return startMinIO(ctx, dir, o)
	default:
		return startChapter(ctx, name, dir, o)
	}
}

// openEndpoint takes its keys from the environment, where other programs see them less easily.
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

// close stops what openTarget has started. What lies in its directory is left to the caller.
func (t *target) close() error {
	var errs []error
	if t.stop == nil { // else what it keeps goes with its directory
		errs = append(errs, t.client.close())
	} else {
		errs = append(errs, t.stop())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// lose stops the services that degraded reads do without.
func (t *target) lose() error {
	var errs []error
	for _, p := range t.losable {
		errs = append(errs, p.Stop())
	}
	return errors.Join(errs...)
}

// regain starts them again.
func (t *target) regain(ctx context.Context) error {
	for _, p := range t.losable {
		if err := p.Start(); err != nil {
			return err
		}
	}
	for _, p := range t.losable {
		if err := p.AwaitHealthy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// can tells whether a store can bear a load at all.
func (t *target) can(l load) bool { return l != loadDegraded || len(t.losable) > 0 }
