package es

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/olivere/elastic/v7"

	"gostore/common/httpd"
)

// readPause is the time between two attempts to read a new index.
const readPause = 20 * time.Millisecond

// series has the indices behind an alias, oldest first. Its list may be out of date, since another
// process may have begun a new index. A writer notices, since the last index is blocked for writing
// before the next one accepts documents; a reader asks for the same ids in the index after the
// last, and gets an error for them as long as that does not exist.
//
// So no version is taken twice around a rollover: a writer looks for the newest version in the
// indices up to the one that it then writes to. If the next one was begun since, the write is
// refused, and the writer looks again; then it sees what others wrote to the old one before the
// block.
//
// A rollover first creates the next index, which may be refused: then the old one goes on. Then it
// blocks the old one, and then the alias changes. A process that dies between the block and the
// change leaves a block for the next writer, which finishes the rollover.
//
// Elasticsearch creates an index that is missing on the first write to it, without the alias and
// with a mapping of its own: then no search would find what it has acknowledged. So documents are
// written through a second alias of each index, which they require, and which repair alone makes.
//
// Its methods may be called by several goroutines at once.
type series struct {
	es    *elastic.Client
	alias string
	log   *slog.Logger
	lost  func() // called when indices are missing that have been there

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

// checkVersion returns an error that names the version of Elasticsearch if it is not 7: another one
// would refuse some later request.
func (s *series) checkVersion(ctx context.Context) error {
	answer, err := s.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodGet, Path: "/"})
	if err != nil {
		return explained("ask for the version of Elasticsearch", err)
	}
	var root struct {
		Version struct{ Number string }
	}
	if err := json.Unmarshal(answer.Body, &root); err != nil {
		return fmt.Errorf("version of Elasticsearch: %w", err)
	}
	if !strings.HasPrefix(root.Version.Number, "7.") {
		return httpd.Unavailable("Elasticsearch %s answers, 7 is needed", root.Version.Number)
	}
	return nil
}

// reload asks for the indices, repairs the alias if it is missing, and waits until all can be read:
// a new index cannot immediately.
func (s *series) reload(ctx context.Context) ([]string, error) {
	if err := s.checkVersion(ctx); err != nil {
		return nil, err
	}
	known, err := s.behindAlias(ctx)
	if elastic.IsNotFound(err) {
		if err := s.repair(ctx); err != nil {
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
	s.set(known)
	return known, nil
}

func (s *series) set(known []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, index := range s.known {
		if !slices.Contains(known, index) {
			s.lost()
			break
		}
	}
	s.known = known
}

// restore is for an index that is missing, or that documents cannot be written to.
func (s *series) restore(ctx context.Context) error {
	s.lost()
	if err := s.repair(ctx); err != nil {
		return err
	}
	_, err := s.reload(ctx)
	return err
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
	indices := slices.Sorted(maps.Keys(found.Indices)) // their numbers have the same number of digits
	for _, index := range indices {
		if _, ours := s.number(index); !ours {
			return nil, httpd.Unavailable("index %s behind alias %s is not one of ours: "+
				"remove it from the alias, or set ES_INDEX to another name", index, s.alias)
		}
	}
	return indices, nil
}

func (s *series) indexName(number int) string { return fmt.Sprintf("%s-%06d", s.alias, number) }

// number is the inverse of indexName. It is not ok for the name of an index of another series.
func (s *series) number(index string) (n int, ok bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(index, s.alias+"-"))
	return n, err == nil && index == s.indexName(n)
}

// after returns the name of the index after one of the series.
func (s *series) after(index string) string {
	number, _ := s.number(index)
	return s.indexName(number + 1)
}

// writeAlias returns the alias of one index that documents are written through.
func writeAlias(index string) string { return index + "-write" }

// rollover ends an index and begins the one after it, or finishes a rollover of another process. If
// the next index cannot be created nothing has changed.
func (s *series) rollover(ctx context.Context, last string) error {
	next := s.after(last)
	if err := s.putTemplate(ctx); err != nil { // repair would only notice with the next index there
		return err
	}
	if err := s.create(ctx, next); err != nil {
		return err
	}
	if err := s.repair(ctx); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "metadata goes on in a new index", "index", next)
	_, err := s.reload(ctx)
	return err
}
