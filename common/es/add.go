package es

import (
	"context"
	"net/http"
	"time"
)

// addPatience bounds Add where many add to one object.
const addPatience = 20 * time.Second

// Add adds a version to an object, the one after the newest, and returns its number. m.Version is
// not looked at. After an error the version may have been added all the same: then nobody was told
// its number.
func (c *Client) Add(ctx context.Context, m Metadata) (version int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, addPatience)
	defer cancel()
	for {
		known, err := c.series.indices(ctx, c) // before looking for the newest: see series
		if err != nil {
			return 0, err
		}
		newest, err := c.findNewest(ctx, m.Name)
		if err != nil {
			return 0, err
		}
		last := known[len(known)-1]
		m.Version = newest.Version + 1
		err = c.create(ctx, last, m)
		switch {
		case err == nil:
			c.newest.Add(m.Name, place{m, last})
			return m.Version, nil
		case isError(err, errBlocked) && isStatus(err, http.StatusForbidden): // a full disk has another status
			if err := c.rollover(ctx, last); err != nil {
				return 0, err
			}
		case !isError(err, errConflict): // of a conflict findNewest sees the cause
			return 0, err
		}
	}
}

// create writes a document that must not be there yet.
func (c *Client) create(ctx context.Context, index string, m Metadata) error {
	_, err := c.es.Index().Index(index).Id(documentID(m.Name, m.Version)).OpType("create").BodyJson(m).Do(ctx)
	return explained("add a version of "+m.Name, err)
}
