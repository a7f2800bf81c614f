package es

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/olivere/elastic/v7"
)

// addPatience bounds Add where many add to one object.
const addPatience = 20 * time.Second

// Add adds a version to an object, the one after the newest, and returns its number. m.Version is
// not looked at. After an error the version may have been added all the same: then nobody was told
// its number.
//
// Where a version is known that lies in the last index, the one after it is created at once, without
// looking whether that version is the newest. That is sound: the index takes a document only as long
// as there is none after it (see series), later versions never lie in earlier indices, and an index has
// an id once. So if the creation succeeds, the next version was nowhere, and there being no gaps, none
// after it was anywhere.
func (c *Client) Add(ctx context.Context, m Metadata) (version int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, addPatience)
	defer cancel()
	for {
		known, err := c.series.indices(ctx, c) // before looking for the newest: see series
		if err != nil {
			return 0, err
		}
		last, from := known[len(known)-1], c.before(m.Name)
		if from.index != last {
			if from, err = c.findNewest(ctx, m.Name); err != nil {
				return 0, err
			}
		}
		m.Version = from.Version + 1
		err = c.create(ctx, last, m)
		switch {
		case err == nil:
			c.newest.Add(m.Name, place{m, last})
			return m.Version, nil
		case isError(err, errBlocked) && isStatus(err, http.StatusForbidden): // a full disk has another status
			err = c.rollover(ctx, last)
		case isError(err, errConflict):
			_, err = c.findNewest(ctx, m.Name) // which remembers it
		}
		if err != nil {
			return 0, err
		}
	}
}

// before returns a version that exists, and the index that it lies in. For an object of which none is
// remembered that is number 0, which every object has, as if it lay in the first index. (So version 1
// must not be removed while there are others, nor the first index while it is the last.)
func (c *Client) before(name string) place {
	if newest, known := c.newest.Get(name); known {
		return newest
	}
	return place{index: c.indexName(1)}
}

// creation is a document that must not be there yet.
type creation struct {
	index string
	Metadata
	err error
}

// create writes a document that must not be there yet.
func (c *Client) create(ctx context.Context, index string, m Metadata) error {
	wanted := &creation{index: index, Metadata: m}
	err := c.creations.Do(ctx, wanted)
	if err == nil {
		err = wanted.err
	}
	return explained("add a version of "+m.Name, err)
}

func (c *Client) createAll(ctx context.Context, creations []*creation) error {
	all := c.es.Bulk()
	for _, n := range creations {
		all.Add(elastic.NewBulkCreateRequest().Index(n.index).Id(documentID(n.Name, n.Version)).Doc(n.Metadata))
	}
	answer, err := all.Do(ctx)
	if err != nil {
		return err
	}
	if len(answer.Items) != len(creations) {
		return fmt.Errorf("%d items in answer to %d", len(answer.Items), len(creations))
	}
	for i, item := range answer.Items {
		if created := item["create"]; created.Error != nil || created.Status != http.StatusCreated {
			creations[i].err = &elastic.Error{Status: created.Status, Details: created.Error}
		}
	}
	return nil
}
