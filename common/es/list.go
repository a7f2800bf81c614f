package es

import (
	"context"

	"github.com/olivere/elastic/v7"
)

// page is how many versions are asked for at once.
const page = 1000

// Each calls do with every version of an object, or of all objects if name is "", by name and
// version, until it returns an error, which Each returns. What was added before the call is there;
// what is added during it may be. However many there are, one page of them is in memory.
func (c *Client) Each(ctx context.Context, name string, do func(Metadata) error) error {
	if _, err := c.series.reload(ctx, c); err != nil {
		return err
	}
	// A search does not see the last second without this. It is dear, but a listing is dear anyway.
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

// eachHit returns where the next page goes on.
func eachHit(hits []*elastic.SearchHit, do func(Metadata) error) (after []any, err error) {
	for _, hit := range hits {
		p, err := placed(hit.Index, hit.Source)
		if err != nil {
			return nil, err
		}
		if err := do(p.Metadata); err != nil {
			return nil, err
		}
	}
	return hits[len(hits)-1].Sort, nil
}
