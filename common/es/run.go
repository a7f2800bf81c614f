package es

import (
	"context"
	"time"
)

// checkPause is the time from one Check of Run to the next.
const checkPause = time.Minute

// Run calls Check now and once a minute, and logs its errors, until ctx is done.
func (c *Client) Run(ctx context.Context) {
	tick := time.NewTicker(checkPause)
	defer tick.Stop()
	for {
		if err := c.Check(ctx); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "the metadata indices are not in order", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Check begins a new index if the last one has reached its size or age. If Elasticsearch refuses
// the new one, that is an error, and the old one goes on.
func (c *Client) Check(ctx context.Context) error {
	known, err := c.series.reload(ctx)
	if err != nil {
		return err
	}
	asked, err := c.es.RolloverIndex(c.cfg.Index).DryRun(true).
		AddCondition("max_age", c.cfg.MaxAge).AddCondition("max_size", c.cfg.MaxSize).Do(ctx)
	if err != nil {
		return explained("look at the last index", err)
	}
	for _, reached := range asked.Conditions {
		if reached {
			return c.series.rollover(ctx, known[len(known)-1])
		}
	}
	return nil
}
