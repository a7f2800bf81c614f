package es

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/olivere/elastic/v7"
)

// The types of errors of Elasticsearch 7.
const (
	errBlocked  = "cluster_block_exception"
	errExists   = "resource_already_exists_exception"
	errConflict = "version_conflict_engine_exception"
	errNoIndex  = "index_not_found_exception"
)

// readPause is the time between two attempts to read a new index.
const readPause = 20 * time.Millisecond

// series has the indices behind an alias, oldest first. Its list may be out of date, since another
// process may have begun a new index. A writer notices, since the last index is blocked for writing
// before the next one is created; a reader asks for the same ids in the index after the last, and
// gets an error for them as long as that does not exist.
//
// So no version is taken twice around a rollover: a writer looks for the newest version in the
// indices up to the one that it then writes to. If the next one was begun since, the write is
// refused, and the writer looks again; then it sees what others wrote to the old one before the
// block. A process that dies between the block and the next index leaves a block for the next
// writer, which begins the next index itself.
//
// Its methods may be called by several goroutines at once.
type series struct {
	es    *elastic.Client
	alias string
	log   *slog.Logger

	mu    sync.Mutex
	known []string // nil before the first reload
}

// indices returns the indices known here, at least one.
func (s *series) indices(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	known := s.known
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	return s.reload(ctx)
}

// reload asks for the indices, creates the first if there is none, and waits until all can be read:
// a new one cannot immediately.
func (s *series) reload(ctx context.Context) ([]string, error) {
	known, err := s.behindAlias(ctx)
	if elastic.IsNotFound(err) {
		if err := s.createFirst(ctx); err != nil {
			return nil, err
		}
		known, err = s.behindAlias(ctx)
	}
	if err == nil {
		err = s.awaitReadable(ctx)
	}
	if err != nil {
		return nil, explained("list indices", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = known
	return known, nil
}

// awaitReadable waits a few seconds at most. The cluster's health would not tell: it shows an index
// that cannot be read yet as yellow, like one without a replica.
func (s *series) awaitReadable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for {
		_, err := s.es.Search(s.alias).Size(0).TrackTotalHits(false).AllowPartialSearchResults(false).Do(ctx)
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

func (s *series) behindAlias(ctx context.Context) ([]string, error) {
	found, err := s.es.Aliases().Alias(s.alias).Do(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(found.Indices)), nil // their numbers have the same number of digits
}

// createFirst creates the first index. Of several services that start at once, one succeeds.
func (s *series) createFirst(ctx context.Context) error {
	if _, err := s.es.IndexPutIndexTemplate(s.alias).BodyJson(template(s.alias)).Do(ctx); err != nil {
		return explained("put index template", err)
	}
	alias := map[string]any{s.alias: map[string]any{"is_write_index": true}}
	_, err := s.es.CreateIndex(s.indexName(1)).BodyJson(map[string]any{"aliases": alias}).Do(ctx)
	if isError(err, errExists) {
		return nil
	}
	return explained("create index", err)
}

// template applies to every index of the series, however it is created: it has mappings, since with
// those that Elasticsearch would guess a search finds names by their words; and a replica as soon
// as there is a second node.
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
					"meta":    map[string]any{"type": "object", "enabled": false}, // stored, never searched
				},
			},
		},
	}
}

func (s *series) indexName(number int) string { return fmt.Sprintf("%s-%06d", s.alias, number) }

// after returns the name of the index after one of the series.
func (s *series) after(index string) (string, error) {
	var number int
	if _, err := fmt.Sscanf(index, s.alias+"-%06d", &number); err != nil {
		return "", fmt.Errorf("index %s behind alias %s is not one of ours: %w", index, s.alias, err)
	}
	return s.indexName(number + 1), nil
}

// rollover ends an index and begins the one after it, or finishes a rollover of another process.
func (s *series) rollover(ctx context.Context, last string) error {
	next, err := s.after(last)
	if err != nil {
		return err
	}
	// The answer comes when the writes in flight are done.
	_, err = s.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodPut, Path: "/" + last + "/_block/write"})
	if err != nil {
		return explained("block "+last, err)
	}
	_, err = s.es.RolloverIndex(s.alias).NewIndex(next).Do(ctx)
	if err != nil && !isError(err, errExists) {
		return explained("begin "+next, err)
	}
	s.log.Info("metadata goes on in a new index", "index", next)
	_, err = s.reload(ctx)
	return err
}
