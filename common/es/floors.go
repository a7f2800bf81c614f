package es

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Floors returns the lowest version of each name that counts, of those that have a floor. The versions below
// were removed: their documents stay, since Add and Latest depend on versions without gaps.
func (c *Client) Floors(ctx context.Context, names ...string) (map[string]int64, error) {
	found, err := c.Documents("floors").Get(ctx, names...)
	floors := map[string]int64{}
	for name, doc := range found {
		floor, err := floorOf(doc)
		if err != nil {
			return nil, err
		}
		floors[name] = floor
	}
	return floors, err
}

// Raise raises the floor of a name, and never lowers it. It returns how many versions that removes.
func (c *Client) Raise(ctx context.Context, name string, floor int64) (removed int64, err error) {
	for {
		found, err := c.Documents("floors").Get(ctx, name)
		if err != nil {
			return 0, err
		}
		was, err := floorOf(found[name])
		if err != nil || was >= floor {
			return 0, err
		}
		_, err = c.Documents("floors").Put(ctx, name, found[name], Metadata{Name: name, Version: floor})
		if !errors.Is(err, ErrConflict) {
			return floor - max(was, 1), err
		}
	}
}

// floorOf returns 0 for a document that does not exist.
func floorOf(doc Document) (int64, error) {
	if doc.Source == nil {
		return 0, nil
	}
	var floor Metadata
	if err := json.Unmarshal(doc.Source, &floor); err != nil {
		return 0, fmt.Errorf("a floor: %w", err)
	}
	return floor.Version, nil
}
