package es

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"gostore/common/es"
)

func TestFloors(t *testing.T) {
	s := start(t)
	one, other := s.client(t), s.client(t)
	floors, err := one.Floors(t.Context(), "x")
	require.NoError(t, err)
	require.Empty(t, floors)
	for _, step := range []struct {
		to, now, removed int64
	}{{3, 3, 2}, {2, 3, 0}, {3, 3, 0}, {7, 7, 4}} {
		removed, err := one.Raise(t.Context(), "x", step.to)
		require.NoError(t, err)
		require.Equal(t, step.removed, removed)
		floors, err := other.Floors(t.Context(), "x", "y")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"x": step.now}, floors)
	}
	long := strings.Repeat("对", 166)
	removed, err := other.Raise(t.Context(), long, 2)
	require.NoError(t, err)
	require.EqualValues(t, 1, removed)
	require.EqualValues(t, 1, add(t, one, es.Metadata{Name: "x"}), "floors are no versions")
	require.Len(t, all(t, one, ""), 1)
}

// Of many that raise a floor at once, the highest wins.
func TestFloorsAreNeverLowered(t *testing.T) {
	s := start(t)
	c := s.client(t)
	var raising sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		raising.Go(func() { _, errs[i] = c.Raise(t.Context(), "x", int64(1+i*7%50)) })
	}
	raising.Wait()
	require.NoError(t, errors.Join(errs...))
	floors, err := c.Floors(t.Context(), "x")
	require.NoError(t, err)
	require.EqualValues(t, 50, floors["x"])
}

func TestDocumentsChangeOnlyFromWhatWasRead(t *testing.T) {
	c := start(t).client(t)
	documents := c.Documents("test")
	first, err := documents.Put(t.Context(), "id", es.Document{}, es.Metadata{Name: "1"})
	require.NoError(t, err)
	_, err = documents.Put(t.Context(), "id", es.Document{}, es.Metadata{Name: "2"})
	require.ErrorIs(t, err, es.ErrConflict)
	second, err := documents.Put(t.Context(), "id", first, es.Metadata{Name: "3"})
	require.NoError(t, err)
	_, err = documents.Put(t.Context(), "id", first, es.Metadata{Name: "4"})
	require.ErrorIs(t, err, es.ErrConflict)
	found, err := documents.Get(t.Context(), "id", "other")
	require.NoError(t, err)
	require.Len(t, found, 1)
	var now es.Metadata
	require.NoError(t, json.Unmarshal(found["id"].Source, &now))
	require.Equal(t, "3", now.Name)
	require.True(t, found["id"].IsNewer(first))
	require.False(t, found["id"].IsNewer(second))
}

// EachOf finds what has one of the hashes, over many pages, and asks no further for those that are settled.
func TestEachOf(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x", Hash: "other"})
	var bulk strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&bulk, "{\"create\":{\"_id\":\"%05d_1\"}}\n{\"name\":\"%05d\",\"version\":1,\"size\":1,\"hash\":\"h%d\"}\n", i, i, i%2)
	}
	status, answer := s.request(t, http.MethodPost, "/"+s.index+"/_bulk", bulk.String())
	require.Equal(t, http.StatusOK, status, answer)
	versions, err := c.Refresh(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2501, versions)
	found := map[string]int{}
	require.NoError(t, c.EachOf(t.Context(), []string{"h0", "h1", "h2"}, func(page []es.Metadata) ([]string, error) {
		for _, m := range page {
			found[m.Hash]++
		}
		if len(page) < 1000 {
			return nil, nil
		}
		return []string{"h1", "h2"}, nil
	}))
	require.Equal(t, 1250, found["h1"])
	require.Equal(t, 500, found["h0"], "those of the first page")
	require.NoError(t, c.EachOf(t.Context(), nil, nil), "nothing is asked for")
}

// A document that cannot be read counts.
func TestEachOfDocumentsThatLie(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x"})
	s.request(t, http.MethodPut, "/"+s.index+"/_doc/wrong", `{"name":"y","version":1,"hash":"h"}`)
	_, err := c.Refresh(t.Context())
	require.NoError(t, err)
	var found []es.Metadata
	require.NoError(t, c.EachOf(t.Context(), []string{"h"}, func(page []es.Metadata) ([]string, error) {
		found = append(found, page...)
		return []string{"h"}, nil
	}))
	require.Equal(t, []es.Metadata{{Name: "wrong", Version: math.MaxInt64, Hash: "h"}}, found)
}

// Whatever is not the whole truth is an error.
func TestDoubt(t *testing.T) {
	s := start(t)
	c := s.client(t)
	add(t, c, es.Metadata{Name: "x", Hash: "h"})
	ask := func(c *es.Client) error {
		_, err := c.Refresh(t.Context())
		if err != nil {
			return err
		}
		return c.EachOf(t.Context(), []string{"h"}, func([]es.Metadata) ([]string, error) { return nil, nil })
	}
	require.NoError(t, ask(c))
	for path, answer := range map[string]string{
		"/_refresh": `{"_shards":{"total":2,"successful":1,"failed":1}}`,
		"/_search ": `{"_shards":{"total":2,"successful":1,"failed":1},"hits":{"hits":[]}}`,
		"/_search":  `{"timed_out":true,"_shards":{"total":2,"successful":2,"failed":0},"hits":{"hits":[]}}`,
	} {
		url, repair := s.throughFault(t, func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, strings.TrimSpace(path)) {
				return http.StatusOK, answer
			}
			return 0, ""
		})
		c := s.clientOf(t, s.config(url), io.Discard)
		requireUnavailable(t, ask(c), "a part of the index only")
		repair()
		require.NoError(t, ask(c))
	}
	s.request(t, http.MethodPut, "/"+s.index+"-000003", "")
	requireUnavailable(t, ask(c), "an index of "+s.index+" is missing")
}
