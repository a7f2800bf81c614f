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
		hits := found.Hits.Hits
		after = hits[len(hits)-1].Sort
		if err := c.eachHit(hits, name, do); err != nil {
			return err
		}
	}
}

// eachHit skips documents that it cannot read if they are not of the object.
func (c *Client) eachHit(hits []*elastic.SearchHit, name string, do func(Metadata) error) error {
	for _, hit := range hits {
		version, err := decode(hit.Index, hit.Id, hit.Source)
		if err != nil && (name == "" || !strings.HasPrefix(hit.Id, name+"_")) {
			c.log.Warn("a document of metadata is not listed", "error", err)
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
