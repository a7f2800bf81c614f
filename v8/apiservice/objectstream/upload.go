package objectstream

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gostore/common/peer"
)

// dropTimeout is for telling a data service that an upload is over, which it would find out itself.
const dropTimeout = 2 * time.Second

// Upload is content on its way to a data service. It ends with Commit or Drop. One goroutine at a time
// may use it.
type Upload struct {
	client      *Client
	address, id string
	size        int64 // at most, in bytes
}

// Begin has the data service at address expect up to size bytes of content under a name, its hash in
// hexadecimal.
func (c *Client) Begin(ctx context.Context, address, name string, size int64) (*Upload, error) {
	if err := c.Allow(address); err != nil {
		return nil, err
	}
	// Not canceled with ctx: an upload whose ID does not arrive could not be dropped.
	ctx, watch := c.Watched(context.WithoutCancel(ctx), address, peer.StallTimeout)
	defer watch.End()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, tempURL(address, name), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Size", strconv.FormatInt(size, 10))
	response, err := c.Do(request, address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // its one line is read
	id, err := bufio.NewReader(io.LimitReader(response.Body, 1<<10)).ReadString('\n')
	if err != nil {
		return nil, peer.Unavailable(ctx, address, err)
	}
	return &Upload{c, address, strings.TrimSpace(id), size}, nil
}

// Send sends the whole content. After an error the upload can only be dropped.
func (u *Upload) Send(ctx context.Context, body io.Reader) error {
	ctx, watch := u.client.Watched(ctx, u.address, peer.StallTimeout)
	defer watch.End()
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, tempURL(u.address, u.id), &upload{body, watch})
	if err != nil {
		return err
	}
	return u.client.Finish(request, u.address)
}

// Commit returns when the content is durable and can be read.
func (u *Upload) Commit(ctx context.Context) error {
	ctx, watch := u.client.Watched(ctx, u.address, peer.TimeoutOf(u.size))
	defer watch.End()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, tempURL(u.address, u.id), nil)
	if err != nil {
		return err
	}
	return u.client.Finish(request, u.address)
}

// Drop leaves nothing of the upload, even if ctx is done. A data service that cannot be told drops it
// when the connection breaks off, or after a timeout.
func (u *Upload) Drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, tempURL(u.address, u.id), nil)
	if err == nil {
		_ = u.client.Finish(request, u.address) // it times out there
	}
}

func tempURL(address, what string) string { return "http://" + address + "/temp/" + what }
