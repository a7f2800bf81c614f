package es

import (
	"context"
	"encoding/json"
	"math"
	"slices"

	"github.com/olivere/elastic/v7"

	"gostore/common/httpd"
)

// EachOf calls do with versions whose content has one of those hashes, by name and version, a page at a
// time. do returns the hashes of which it wants further versions. Refresh first: EachOf sees what a search
// sees. A document that cannot be read counts as a version, of the highest number.
func (c *Client) EachOf(ctx context.Context, hashes []string, do func(page []Metadata) (rest []string, err error)) error {
	return c.eachPage(ctx, withHash(hashes), func(hits []*elastic.SearchHit) (elastic.Query, error) {
		list := make([]Metadata, len(hits))
		for i, hit := range hits {
			version, err := decode(hit.Index, hit.Id, hit.Source)
			if err != nil {
				version.Name, version.Version = hit.Id, math.MaxInt64
				err = json.Unmarshal(hit.Source, &struct{ Hash *string }{&version.Hash})
			}
			if err != nil {
				return nil, err
			}
			list[i] = version.Metadata
		}
		rest, err := do(list)
		if len(hits) < page {
			rest = nil
		}
		return withHash(rest), err
	})
}

// withHash returns nil for no hashes.
func withHash(hashes []string) elastic.Query {
	if len(hashes) == 0 {
		return nil
	}
	return elastic.NewTermsQueryFromStrings("hash", hashes...)
}

// Refresh has EachOf see all versions that were added before, and returns how many versions there are of
// all objects, which is never less than before. The error says that some may be missing: an index of the
// series is not behind the alias, or Elasticsearch has answered for a part only.
func (c *Client) Refresh(ctx context.Context) (versions int64, err error) {
	if err := c.refresh(ctx); err != nil {
		return 0, err
	}
	known, err := c.series.indices(ctx)
	if err != nil {
		return 0, err
	}
	existing, err := c.series.existing(ctx)
	if err != nil {
		return 0, err
	}
	if !slices.Equal(known, existing) || known[0] != c.series.indexName(1) || known[len(known)-1] != c.series.indexName(len(known)) {
		return 0, httpd.Unavailable("an index of %s is missing: there are %v, and behind the alias %v", c.cfg.Index, existing, known)
	}
	found, err := c.es.Search(c.cfg.Index).Size(0).TrackTotalHits(true).AllowPartialSearchResults(false).Do(ctx)
	if err == nil {
		err = whole(found)
	}
	if err != nil {
		return 0, explained("count versions", err)
	}
	return found.TotalHits(), nil
}
