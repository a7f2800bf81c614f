package es

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/olivere/elastic/v7"
)

// place is a version and the index that it lies in.
type place struct {
	Metadata
	index string
}

// documentID is at most 512 bytes, as Elasticsearch demands, for names of up to 500 and a hundred
// thousand million versions.
func documentID(name string, version int64) string {
	return name + "_" + strconv.FormatInt(version, 10)
}

// Latest returns the newest version of an object, also if that deletes it. It is at least as new as
// any that was added, through whichever process, before the call. ErrNotFound: there is none.
func (c *Client) Latest(ctx context.Context, name string) (Metadata, error) {
	newest, err := c.findNewest(ctx, name)
	if err == nil && newest.Version == 0 {
		err = ErrNotFound
	}
	return newest.Metadata, err
}

// Expected returns the version of an object that was the newest when this process last knew: without asking
// anybody, so others may have added newer ones since. Where it knows of none, it is one without a hash.
func (c *Client) Expected(name string) Metadata {
	newest, _ := c.newest.Get(name)
	return newest.Metadata
}

// findNewest returns the newest version of an object, or one of number 0 if there is none.
func (c *Client) findNewest(ctx context.Context, name string) (newest place, err error) {
	newest, known := c.newest.Get(name)
	if !known {
		if newest, err = c.search(ctx, name); err != nil {
			return place{}, err
		}
	}
	newest, err = c.probe(ctx, name, newest)
	if err == nil && newest.Version > 0 {
		c.newest.Add(name, newest)
	}
	return newest, err
}

// search returns the newest version that a search finds: one that exists, though perhaps not the
// newest of all; or the zero place.
func (c *Client) search(ctx context.Context, name string) (place, error) {
	if _, err := c.series.indices(ctx, c); err != nil {
		return place{}, err
	}
	found, err := c.searchOnce(ctx, name)
	if isStatus(err, http.StatusServiceUnavailable) { // in the moment in which a new index begins
		if _, err := c.series.reload(ctx, c); err != nil {
			return place{}, err
		}
		found, err = c.searchOnce(ctx, name)
	}
	if err != nil {
		return place{}, explained("search "+name, err)
	}
	if len(found.Hits.Hits) == 0 {
		return place{}, nil
	}
	hit := found.Hits.Hits[0]
	return placed(hit.Index, hit.Source)
}

func (c *Client) searchOnce(ctx context.Context, name string) (*elastic.SearchResult, error) {
	return c.es.Search(c.cfg.Index).Query(elastic.NewTermQuery("name", name)).
		Sort("version", false).Size(1).TrackTotalHits(false).Do(ctx)
}

func placed(index string, source json.RawMessage) (place, error) {
	p := place{index: index}
	if err := json.Unmarshal(source, &p.Metadata); err != nil {
		return place{}, fmt.Errorf("document in %s: %w", index, err)
	}
	return p, nil
}

// probe goes on from a version that exists, by id, as long as there is a next one: one at first,
// since mostly there is none, then more and more at once.
func (c *Client) probe(ctx context.Context, name string, from place) (place, error) {
	for step := 1; ; step = min(4*step, 64) {
		found, err := c.byID(ctx, name, from.Version+1, step, from.index)
		if err != nil {
			return place{}, err
		}
		for _, p := range found {
			if p.Version == from.Version+1 {
				from = p
			}
		}
		if len(found) < step {
			return from, nil
		}
	}
}

// Version returns one version of an object, or ErrNotFound.
func (c *Client) Version(ctx context.Context, name string, version int64) (Metadata, error) {
	found, err := c.byID(ctx, name, version, 1, "")
	if err != nil {
		return Metadata{}, err
	}
	if len(found) == 0 {
		return Metadata{}, ErrNotFound
	}
	return found[0].Metadata, nil
}

// byID returns, in order, those of n versions from first on that there are, in the index notBefore
// and those after it. Later versions never lie in earlier indices.
func (c *Client) byID(ctx context.Context, name string, first int64, n int, notBefore string) ([]place, error) {
	known, err := c.series.indices(ctx, c)
	if err != nil {
		return nil, err
	}
	for {
		next, err := c.after(known[len(known)-1])
		if err != nil {
			return nil, err
		}
		found, hasNext, err := c.get(ctx, append(since(known, notBefore), next), name, first, n)
		if err != nil || !hasNext {
			return found, err
		}
		if known, err = c.series.reload(ctx, c); err != nil {
			return nil, err
		}
	}
}

// since returns a copy of the indices from one on; all, if it is not among them.
func since(indices []string, first string) (list []string) {
	for _, index := range indices {
		if index >= first {
			list = append(list, index)
		}
	}
	return list
}

// get reads n documents from each of indices, of which the last is not expected to exist; hasNext
// tells if it does.
func (c *Client) get(ctx context.Context, indices []string, name string, first int64, n int) (found []place, hasNext bool, err error) {
	last := len(indices) - 1
	next := indices[last]
	wanted := &lookup{[]document{{Index: next, ID: "any"}}}
	for i := range n {
		for _, index := range indices[:last] {
			wanted.Docs = append(wanted.Docs, document{Index: index, ID: documentID(name, first+int64(i))})
		}
	}
	if err := c.lookups.Do(ctx, wanted); err != nil {
		return nil, false, explained("get "+name, err)
	}
	for _, doc := range wanted.Docs {
		switch {
		case doc.Index == next:
			hasNext = doc.Error == nil || doc.Error.Type != errNoIndex
		case doc.Error != nil:
			return nil, false, fmt.Errorf("get %s in %s: %w: %s", name, doc.Index, ErrUnreachable, doc.Error.Reason)
		case doc.Found:
			found = append(found, place{doc.Source, doc.Index})
		}
	}
	return found, hasNext, nil
}

// lookup is what _mget takes, and, with documents in the same order, answers.
type lookup struct {
	Docs []document `json:"docs"`
}

type document struct {
	Index  string                `json:"_index"`
	ID     string                `json:"_id"`
	Found  bool                  `json:"found,omitempty"`
	Source Metadata              `json:"_source,omitzero"`
	Error  *elastic.ErrorDetails `json:"error,omitempty"`
}

func (d document) key() [2]string { return [2]string{d.Index, d.ID} }

// getAll is what the library's Mget does. Every GET of an object comes through here, and reading the
// answer into what is needed takes a fraction of the library's time. What several want is asked for
// once: the next index above all.
func (c *Client) getAll(ctx context.Context, lookups []*lookup) error {
	var all, found lookup
	at := map[[2]string]int{}
	for _, l := range lookups {
		for _, doc := range l.Docs {
			if _, there := at[doc.key()]; !there {
				at[doc.key()] = len(all.Docs)
				all.Docs = append(all.Docs, doc)
			}
		}
	}
	body, err := json.Marshal(all)
	if err != nil {
		return err
	}
	answer, err := c.es.PerformRequest(ctx, elastic.PerformRequestOptions{Method: http.MethodPost, Path: "/_mget", Body: string(body)})
	if err == nil {
		err = json.Unmarshal(answer.Body, &found)
	}
	if err == nil && len(found.Docs) != len(all.Docs) {
		err = fmt.Errorf("%d documents in answer to %d", len(found.Docs), len(all.Docs))
	}
	if err != nil {
		return err
	}
	for _, l := range lookups {
		for i, doc := range l.Docs {
			l.Docs[i] = found.Docs[at[doc.key()]]
		}
	}
	return nil
}
