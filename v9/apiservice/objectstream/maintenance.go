package objectstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gostore/common/peer"
)

// maxNames is more bytes than a list of 10,000 names of shards has.
const maxNames = 1 << 20

// List returns the names of the first n shards that a data service holds after one, sorted, and the time of
// its clock, for Remove.
func (c *Client) List(ctx context.Context, address, after string, n int) (names []string, clock string, err error) {
	text, header, err := c.maintain(ctx, http.MethodGet, address, "", fmt.Sprintf("?after=%s&n=%d", after, n), peer.StallTimeout)
	return strings.Fields(text), header.Get("Clock"), err
}

// Scrub has a data service verify a shard of about size bytes at a rate, and returns how many bytes it has
// read, and the encoding, "" if the shard is corrupt. The error wraps peer.ErrCorrupt if there is none.
func (c *Client) Scrub(ctx context.Context, address, name string, size, rate int64) (read int64, encoding string, err error) {
	timeout := peer.TimeoutOf(size) + time.Duration(float64(size)/float64(rate)*float64(time.Second))
	_, header, err := c.maintain(ctx, http.MethodGet, address, name, fmt.Sprintf("?rate=%d", rate), timeout)
	read, err = bytesOf(header, err)
	return read, header.Get("Encoding"), err
}

// Claim has a data service protect a shard from removal, and returns for how long the caller may rely on it.
func (c *Client) Claim(ctx context.Context, address, name string) (time.Duration, error) {
	text, _, err := c.maintain(ctx, http.MethodPost, address, name, "", peer.StallTimeout)
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(text)
}

// Remove has a data service remove a shard for good that nobody needed at the time that its clock had told,
// and returns how many bytes that frees.
func (c *Client) Remove(ctx context.Context, address, name, clock, reason string) (int64, error) {
	query := "?" + url.Values{"decided": {clock}, "reason": {reason}}.Encode()
	_, header, err := c.maintain(ctx, http.MethodDelete, address, name, query, peer.StallTimeout)
	return bytesOf(header, err)
}

// SweepQuarantine has a data service remove what was quarantined more than a day ago.
func (c *Client) SweepQuarantine(ctx context.Context, address string) error {
	_, _, err := c.maintain(ctx, http.MethodDelete, address, "", "", peer.TimeoutOf(0))
	return err
}

func (c *Client) maintain(ctx context.Context, method, address, name, query string, timeout time.Duration) (string, http.Header, error) {
	ctx, watch := c.Watched(ctx, address, timeout)
	defer watch.End()
	response, err := c.Ask(ctx, method, address, "maintenance/"+name+query)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close() // it is read to its end
	text, err := io.ReadAll(io.LimitReader(response.Body, maxNames))
	if err != nil {
		err = peer.Unavailable(ctx, address, err)
	}
	return string(text), response.Header, err
}

func bytesOf(header http.Header, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(header.Get("Bytes"), 10, 64)
}
