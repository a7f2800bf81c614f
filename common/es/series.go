package es

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/olivere/elastic/v7"
)

// The types of errors by which Elasticsearch 7 says what is in the way.
const (
	errBlocked  = "cluster_block_exception"
	errExists   = "resource_already_exists_exception"
	errConflict = "version_conflict_engine_exception"
	errNoIndex  = "index_not_found_exception"
)

// checkPause is the time from one look at the size and age of the last index to the next.
const checkPause = time.Minute

// readPause is the time between two tries to read an index that was made a moment ago.
const readPause = 20 * time.Millisecond

// series knows the indices behind the alias, oldest first. What it knows may be out of date: another
// process may have begun a new one. Whoever writes notices, since the last index is blocked for
// writing before a new one is made; whoever reads asks for the same ids in the index after the last,
// which is an error in that entry as long as there is none.
//
// So no version is taken twice around a rollover: a writer looks for the newest version in indices
// up to the one it then writes to. If a new one was begun since, that write is refused, and the
// writer looks again; what others wrote to the old one before it was blocked is seen then. A process
// that dies between the block and the new index leaves a block that the next writer meets, who makes
// the new index itself.
type series struct {
	mu    sync.Mutex
	known []string // nil before the first look
}

// indices returns the indices that are known, at least one.
func (s *series) indices(ctx context.Context, c *Client) ([]string, error) {
	s.mu.Lock()
	known := s.known
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	return s.reload(ctx, c)
}

// reload looks which indices there are, makes the first where there is none, and waits until they can
// be read: one that was made a moment ago cannot.
func (s *series) reload(ctx context.Context, c *Client) ([]string, error) {
	known, err := c.behindAlias(ctx)
	if elastic.IsNotFound(err) {
		if err := c.createFirst(ctx); err != nil {
			return nil, err
		}
		known, err = c.behindAlias(ctx)
	}
	if err == nil {
		err = c.awaitReadable(ctx)
	}
	if err != nil {
		return nil, explained("list indices", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = known
	return known, nil
}

// awaitReadable waits a few seconds at most. A look at the cluster's health would not do: it shows an
// index that nobody can read yet as yellow, like one that lacks a replica.
func (c *Client) awaitReadable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	for {
		_, err := c.es.Search(c.cfg.Index).Size(0).TrackTotalHits(false).AllowPartialSearchResults(false).Do(ctx)
		if !isStatus(err, http.StatusServiceUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(readPause):
		}
	}
}

func (c *Client) behindAlias(ctx context.Context) ([]string, error) {
	found, err := c.es.Aliases().Alias(c.cfg.Index).Do(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(found.Indices)), nil // their numbers have the same number of digits
}

// createFirst makes the first index. Of several services that start at once, one does.
func (c *Client) createFirst(ctx context.Context) error {
	if _, err := c.es.IndexPutIndexTemplate(c.cfg.Index).BodyJson(template(c.cfg.Index)).Do(ctx); err != nil {
		return explained("put index template", err)
	}
	alias := map[string]any{c.cfg.Index: map[string]any{"is_write_index": true}}
	_, err := c.es.CreateIndex(c.indexName(1)).BodyJson(map[string]any{"aliases": alias}).Do(ctx)
	if isError(err, errExists) {
		return nil
	}
	return explained("create index", err)
}

// template is what every index of the series is made with, whoever begins it: mappings, since with
// those that Elasticsearch would guess a name is searched by its words and not as it is; and a
// replica as soon as there is a second node.
func template(index string) map[string]any {
	return map[string]any{
		"index_patterns": []string{index + "-*"},
		"template": map[string]any{
			"settings": map[string]any{"number_of_shards": 1, "auto_expand_replicas": "0-1"},
			"mappings": map[string]any{
				"dynamic": "strict",
				"properties": map[string]any{
					"name":    map[string]any{"type": "keyword"},
					"version": map[string]any{"type": "long"},
					"size":    map[string]any{"type": "long"},
					"hash":    map[string]any{"type": "keyword"},
					"meta":    map[string]any{"type": "object", "enabled": false}, // kept, never searched
				},
			},
		},
	}
}

func (c *Client) indexName(number int) string { return fmt.Sprintf("%s-%06d", c.cfg.Index, number) }

// after returns the name of the index that comes after one of the series.
func (c *Client) after(index string) (string, error) {
	var number int
	if _, err := fmt.Sscanf(index, c.cfg.Index+"-%06d", &number); err != nil {
		return "", fmt.Errorf("index %s behind alias %s is none of ours: %w", index, c.cfg.Index, err)
	}
	return c.indexName(number + 1), nil
}

// rollover ends an index and begins the one after it, or finishes what another process has begun.
func (c *Client) rollover(ctx context.Context, last string) error {
	next, err := c.after(last)
	if err != nil {
		return err
	}
	// It returns when writes that were under way are done.
	_, err = c.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodPut, Path: "/" + last + "/_block/write"})
	if err != nil {
		return explained("block "+last, err)
	}
	_, err = c.es.RolloverIndex(c.cfg.Index).NewIndex(next).Do(ctx)
	if err != nil && !isError(err, errExists) {
		return explained("begin "+next, err)
	}
	c.log.Info("metadata goes on in a new index", "index", next)
	_, err = c.series.reload(ctx, c)
	return err
}

// Run looks once a minute whether the last index has reached its size or age, and begins a new one
// then, until ctx is done.
func (c *Client) Run(ctx context.Context) {
	tick := time.NewTicker(checkPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := c.Check(ctx); err != nil && !errors.Is(err, context.Canceled) {
				c.log.Warn("whether metadata needs a new index is not known", "error", err)
			}
		}
	}
}

// Check begins a new index if the last one has reached its size or age.
func (c *Client) Check(ctx context.Context) error {
	known, err := c.series.reload(ctx, c)
	if err != nil {
		return err
	}
	asked, err := c.es.RolloverIndex(c.cfg.Index).DryRun(true).
		AddCondition("max_age", c.cfg.MaxAge).AddCondition("max_size", c.cfg.MaxSize).Do(ctx)
	if err != nil {
		return explained("look at the last index", err)
	}
	for _, reached := range asked.Conditions {
		if reached {
			return c.rollover(ctx, known[len(known)-1])
		}
	}
	return nil
}
