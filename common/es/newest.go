package es

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/olivere/elastic/v7"

	"gostore/common/httpd"
)

// located is a version and the index that it is in.
type located struct {
	Metadata
	index string
}

// documentID returns at most 512 bytes, Elasticsearch's limit, for names of up to 500 bytes and
// versions of up to 11 digits.
func documentID(name string, version int64) string {
	return name + "_" + strconv.FormatInt(version, 10)
}

// Latest returns the newest version of an object, also if that deletes it. It is at least as new as
// any that was added before the call, through whichever process. The error is ErrNotFound if there
// is none.
func (c *Client) Latest(ctx context.Context, name string) (Metadata, error) {
	newest, err := c.findNewest(ctx, name)
	if err == nil && newest.Version == 0 {
		err = ErrNotFound
	}
	return newest.Metadata, err
}

// findNewest returns the newest version of an object, or one of number 0 if there is none.
func (c *Client) findNewest(ctx context.Context, name string) (newest located, err error) {
	newest, known := c.hints.Get(name)
	if !known {
		if newest, err = c.search(ctx, name); err != nil {
			return located{}, err
		}
	}
	newest, err = c.probe(ctx, name, newest)
	if err == nil && newest.Version > 0 {
		c.hints.Add(name, newest)
	}
	return newest, err
}

// search returns the newest version that a search finds, which may be not the newest of all, or the
// zero value if it finds none.
func (c *Client) search(ctx context.Context, name string) (located, error) {
	if _, err := c.series.indices(ctx); err != nil {
		return located{}, err
	}
	found, err := c.searchOnce(ctx, name)
	// 503 just when a new index begins, 404 if the alias is missing
	if isStatus(err, http.StatusServiceUnavailable) || isStatus(err, http.StatusNotFound) {
		if _, err := c.series.reload(ctx); err != nil {
			return located{}, err
		}
		found, err = c.searchOnce(ctx, name)
	}
	if err != nil {
		return located{}, explained("search "+name, err)
	}
	if len(found.Hits.Hits) == 0 {
		return located{}, nil
	}
	hit := found.Hits.Hits[0]
	newest, err := decode(hit.Index, hit.Id, hit.Source)
	if err != nil { // it may be foreign; if it is one of the versions, it is met again by its id
		c.log.WarnContext(ctx, "a document of metadata is ignored by a search", "error", err)
		return located{}, nil
	}
	return newest, nil
}

func (c *Client) searchOnce(ctx context.Context, name string) (*elastic.SearchResult, error) {
	return c.es.Search(c.cfg.Index).Query(elastic.NewTermQuery("name", name)).
		Sort("version", false).Size(1).TrackTotalHits(false).Do(ctx)
}

// decode refuses a document whose fields have wrong types, or whose id is that of another version.
func decode(index, id string, source json.RawMessage) (located, error) {
	version := located{index: index}
	err := json.Unmarshal(source, &version.Metadata)
	if err == nil && (version.Version < 1 || id != documentID(version.Name, version.Version)) {
		err = fmt.Errorf("it says that it is version %d of %q", version.Version, version.Name)
	}
	if err != nil {
		return located{}, fmt.Errorf("document %q in %s: %w", id, index, err)
	}
	return version, nil
}

// probe goes on from a version that exists, by id, as long as there is a next one. It asks for one
// at first, since mostly there is none, then for more and more in one request.
func (c *Client) probe(ctx context.Context, name string, from located) (located, error) {
	for step := 1; ; step = min(4*step, 64) {
		found, err := c.byID(ctx, name, from.Version+1, step, from.index)
		if err != nil {
			return located{}, err
		}
		for _, next := range found {
			if next.Version == from.Version+1 {
				from = next
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

// byID returns, in order, those of n versions from first on that exist, in the index notBefore and
// those after it. Later versions are never in earlier indices.
func (c *Client) byID(ctx context.Context, name string, first int64, n int, notBefore string) ([]located, error) {
	known, err := c.series.indices(ctx)
	if err != nil {
		return nil, err
	}
	for {
		last := known[len(known)-1]
		found, hasNext, err := c.get(ctx, append(since(known, notBefore), c.series.after(last)), name, first, n)
		if err != nil || !hasNext {
			return found, err
		}
		known, err = c.series.reload(ctx)
		if err != nil || known[len(known)-1] == last { // the next one exists, but is not in use yet
			return found, err
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

// get reads n documents from each of indices, of which the last need not exist; hasLast reports
// whether it does.
func (c *Client) get(ctx context.Context, indices []string, name string, first int64, n int) (
	found []located, hasLast bool, err error) {
	request := c.es.Mget()
	for i := range n {
		for _, index := range indices {
			id := documentID(name, first+int64(i))
			request.Add(elastic.NewMultiGetItem().Index(index).Id(id))
		}
	}
	answer, err := request.Do(ctx)
	if err != nil {
		return nil, false, explained("get "+name, err)
	}
	for _, doc := range answer.Docs {
		isLast := doc.Index == indices[len(indices)-1]
		hasLast = hasLast || isLast && (doc.Error == nil || doc.Error.Type != errNoIndex)
		switch {
		case doc.Error != nil && doc.Error.Type == errNoIndex && !isLast:
			return nil, false, c.missing(ctx, doc.Index)
		case doc.Error != nil && !isLast:
			return nil, false, fmt.Errorf("get %s in %s: %w: %s", name, doc.Index, ErrUnreachable, doc.Error.Reason)
		case doc.Found:
			version, err := decode(doc.Index, doc.Id, doc.Source)
			if err != nil {
				return nil, false, err
			}
			found = append(found, version)
		}
	}
	return found, hasLast, nil
}

// missing is for an index that the series should have. The error is 503: the next call finds the
// series as it is now.
func (c *Client) missing(ctx context.Context, index string) error {
	c.log.WarnContext(ctx, "an index of metadata is missing", "index", index)
	if err := c.series.restore(ctx); err != nil {
		return err
	}
	return httpd.Unavailable("the metadata index %s is missing", index)
}
