package es

import (
	"context"
	"strings"

	"github.com/olivere/elastic/v7"
)

// page is how many versions one search returns.
const page = 1000

// Each calls do with every version of an object, or of all objects if name is "", by name and
// version, until it returns an error, which Each returns. Versions added before the call are there;
// those added during it may be. However many there are, only one page of them is in memory.
func (c *Client) Each(ctx context.Context, name string, do func(Metadata) error) error {
	if err := c.refresh(ctx); err != nil {
		return err
	}
	var query elastic.Query = elastic.NewMatchAllQuery()
	if name != "" {
		query = elastic.NewTermQuery("name", name)
	}
	return c.eachPage(ctx, query, func(hits []*elastic.SearchHit) (elastic.Query, error) {
		return query, c.eachHit(ctx, hits, name, do)
	})
}

// refresh has searches see what was added before: otherwise they do not see the last second. It is
// expensive, but so is a listing.
func (c *Client) refresh(ctx context.Context) error {
	if _, err := c.series.reload(ctx); err != nil {
		return err
	}
	done, err := c.es.Refresh(c.cfg.Index).Do(ctx)
	if err == nil && done.Shards != nil && done.Shards.Failed > 0 {
		err = errPartial
	}
	return explained("refresh", err)
}

// eachPage calls do with the versions that a query finds, by name and version. do returns the query for the
// pages to come, or nil to end.
func (c *Client) eachPage(ctx context.Context, query elastic.Query, do func([]*elastic.SearchHit) (elastic.Query, error)) error {
	var after []any
	for query != nil {
		search := c.es.Search(c.cfg.Index).Query(query).Sort("name", true).Sort("version", true).Size(page).
			TrackTotalHits(false).AllowPartialSearchResults(false)
		if after != nil {
			search.SearchAfter(after...)
		}
		found, err := search.Do(ctx)
		if err == nil {
			err = whole(found)
		}
		if err != nil {
			return explained("list versions", err)
		}
		hits := found.Hits.Hits
		if len(hits) == 0 {
			return nil
		}
		after = hits[len(hits)-1].Sort
		if query, err = do(hits); err != nil {
			return err
		}
	}
	return nil
}

// whole returns an error for a part of what a search should find.
func whole(found *elastic.SearchResult) error {
	if found.TimedOut || found.Shards != nil && found.Shards.Failed > 0 {
		return errPartial
	}
	return nil
}

// eachHit skips documents that it cannot read if they are not of the object.
func (c *Client) eachHit(ctx context.Context, hits []*elastic.SearchHit, name string, do func(Metadata) error) error {
	for _, hit := range hits {
		version, err := decode(hit.Index, hit.Id, hit.Source)
		if err != nil && (name == "" || !strings.HasPrefix(hit.Id, name+"_")) {
			c.log.WarnContext(ctx, "a document of metadata is not listed", "error", err)
			continue
		}
		if err == nil {
			err = do(version.Metadata)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
