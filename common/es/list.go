package es

import (
	"context"

	"github.com/olivere/elastic/v7"
)

// page is how many versions one search returns.
const page = 1000

// Each calls do with every version of an object, or of all objects if name is "", by name and
// version, until it returns an error, which Each returns. Versions added before the call are there;
// those added during it may be. However many there are, only one page of them is in memory.
func (c *Client) Each(ctx context.Context, name string, do func(Metadata) error) error {
	if _, err := c.series.reload(ctx); err != nil {
		return err
	}
	// Without this a search does not see the last second. It is expensive, but so is a listing.
	if _, err := c.es.Refresh(c.cfg.Index).Do(ctx); err != nil {
		return explained("refresh", err)
	}
	var query elastic.Query = elastic.NewMatchAllQuery()
	if name != "" {
		query = elastic.NewTermQuery("name", name)
	}
	var after []any
	for {
		search := c.es.Search(c.cfg.Index).Query(query).Sort("name", true).Sort("version", true).Size(page).
			TrackTotalHits(false).AllowPartialSearchResults(false)
		if after != nil {
			search.SearchAfter(after...)
		}
		found, err := search.Do(ctx)
		if err != nil {
			return explained("list versions", err)
		}
		if len(found.Hits.Hits) == 0 {
			return nil
		}
		if after, err = eachHit(found.Hits.Hits, do); err != nil {
			return err
		}
	}
}

// eachHit returns the sort values after which the next page begins.
func eachHit(hits []*elastic.SearchHit, do func(Metadata) error) (after []any, err error) {
	for _, hit := range hits {
		version, err := decode(hit.Index, hit.Source)
		if err != nil {
			return nil, err
		}
		if err := do(version.Metadata); err != nil {
			return nil, err
		}
	}
	return hits[len(hits)-1].Sort, nil
}
