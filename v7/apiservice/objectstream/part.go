package objectstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"gostore/common/peer"
)

// maxState is more than a record has: a stripe and the table of an object of 500 GB, in base64.
const maxState = 16 << 20

// Part is a shard of an upload that may break off, on a data service. Its requests are refused with 409
// when another API service has claimed the upload under a higher epoch, and with 423 while one uses it.
// One goroutine at a time may use it.
type Part struct {
	client        *Client
	address, name string
	epoch         int64
	Next          Checkpoint // what Commit makes durable
}

// Checkpoint is how far a part has come.
type Checkpoint struct {
	New     bool   // the part begins
	Length  int64  // of the shard, in bytes
	Content string // the hash of a shard's object, in hexadecimal, if the shard is complete and becomes content
	Last    bool   // the part may be claimed at once; otherwise more is to come
	State   []byte
}

// NewPart returns the part of that name on the data service at address.
func (c *Client) NewPart(address, name string, epoch int64) *Part {
	return &Part{client: c, address: address, name: name, epoch: epoch}
}

// Claim claims the part, or with epoch 0 only reads its record. It returns the epoch of the claim before, and
// the state of the last checkpoint.
func (p *Part) Claim(ctx context.Context) (before int64, state []byte, err error) {
	ctx, watch := p.client.Watched(ctx, p.address, peer.StallTimeout)
	defer watch.End()
	response, err := p.client.Ask(ctx, http.MethodPost, p.address, "uploads/"+p.name+p.query())
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() // it is read to its end
	if state, err = io.ReadAll(io.LimitReader(response.Body, maxState)); err != nil {
		return 0, nil, peer.Unavailable(ctx, p.address, err)
	}
	before, err = strconv.ParseInt(response.Header.Get("Epoch"), 10, 64)
	return before, state, err
}

func (p *Part) query() string { return fmt.Sprintf("?epoch=%d", p.epoch) }

// Send appends the body, which is not durable before the next Commit.
func (p *Part) Send(ctx context.Context, body io.Reader) error {
	ctx, watch := p.client.Watched(ctx, p.address, peer.StallTimeout)
	defer watch.End()
	return p.request(ctx, http.MethodPatch, "", &upload{body, watch})
}

// Commit makes Next durable.
func (p *Part) Commit(ctx context.Context) error {
	ctx, watch := p.client.Watched(ctx, p.address, peer.TimeoutOf(p.Next.Length))
	defer watch.End()
	more := fmt.Sprintf("&length=%d", p.Next.Length)
	if p.Next.Content != "" {
		more += "&content=" + p.Next.Content
	}
	if p.Next.New {
		more += "&new"
	}
	if p.Next.Last {
		more += "&last"
	}
	return p.request(ctx, http.MethodPut, more, bytes.NewReader(p.Next.State))
}

// Drop takes the part out of its upload, even if ctx is done. If the data service cannot be told, the part
// misses the next claim, or gets old.
func (p *Part) Drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	_ = p.request(ctx, http.MethodDelete, "", http.NoBody)
}

func (p *Part) request(ctx context.Context, method, more string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+p.address+"/uploads/"+p.name+p.query()+more, body)
	if err != nil {
		return err
	}
	return p.client.Finish(request, p.address)
}
