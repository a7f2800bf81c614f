package es

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/olivere/elastic/v7"
)

// addTimeout bounds Add where many callers add to one object.
const addTimeout = 20 * time.Second

// Add adds a version to an object, the one after the newest, and returns its number. It ignores
// m.Version. After an error the version may exist all the same, though no caller knows its number.
//
// If the hint is in the last index, Add creates the version after it without checking that the hint
// is the newest. That is sound: the index accepts documents only while it is the last (see series),
// later versions are never in earlier indices, and an index has an id once. So if the creation
// succeeds, the version did not exist before, and since there are no gaps, neither did any later
// one.
func (c *Client) Add(ctx context.Context, m Metadata) (version int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, addTimeout)
	defer cancel()
	for {
		known, err := c.series.indices(ctx) // before the newest version is looked for: see series
		if err != nil {
			return 0, err
		}
		last, from := known[len(known)-1], c.hint(m.Name)
		if from.index != last {
			if from, err = c.findNewest(ctx, m.Name); err != nil {
				return 0, err
			}
		}
		m.Version = from.Version + 1
		err = c.create(ctx, last, m)
		switch {
		case err == nil:
			c.hints.Add(m.Name, located{m, last})
			return m.Version, nil
		case isWriteBlocked(err):
			err = c.afterBlock(ctx, last)
		case isError(err, errNoIndex), isError(err, errMapping): // the mapping of an earlier go-store has fewer fields
			err = c.series.restore(ctx)
		case isError(err, errConflict):
			_, err = c.findNewest(ctx, m.Name) // and makes it the hint
		}
		if err != nil {
			return 0, err
		}
	}
}

// hint returns a version that exists, and its index. For an object without one that is number 0,
// which every object has, as if it were in the first index. (So version 1 must not be deleted while
// there are others, nor the first index while it is the last.)
func (c *Client) hint(name string) located {
	if hint, known := c.hints.Get(name); known {
		return hint
	}
	return located{index: c.series.indexName(1)}
}

// afterBlock finds the index after one that accepts no more documents.
func (c *Client) afterBlock(ctx context.Context, index string) error {
	known, err := c.series.reload(ctx)
	if err == nil && known[len(known)-1] == index { // its rollover is not finished
		err = c.series.rollover(ctx, index)
	}
	return err
}

// create writes a document that must not exist yet. The library's own call cannot require an alias,
// and without that Elasticsearch would create an index that is missing.
func (c *Client) create(ctx context.Context, index string, m Metadata) error {
	id := strings.ReplaceAll(url.QueryEscape(documentID(m.Name, m.Version)), "+", "%20")
	_, err := c.es.PerformRequest(ctx, elastic.PerformRequestOptions{
		Method: http.MethodPut,
		Path:   "/" + writeAlias(index) + "/_doc/" + id,
		Params: url.Values{"op_type": {"create"}, "require_alias": {"true"}},
		Body:   m,
	})
	return explained("add a version of "+m.Name, err)
}
