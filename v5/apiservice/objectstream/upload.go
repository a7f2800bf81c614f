package objectstream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// dropPatience is for telling a data service that an upload is over, which it would find out itself.
const dropPatience = 2 * time.Second

// Upload is content on its way to a data service. It ends with Commit or Drop. It is for one
// goroutine at a time.
type Upload struct {
	client      *Client
	address, id string
	size        int64
}

// Begin has the data service at address expect size bytes of content under a name, its hash in
// hexadecimal.
func (c *Client) Begin(ctx context.Context, address, name string, size int64) (*Upload, error) {
	// Not ended with ctx: an upload whose ID does not arrive could not be dropped.
	ctx, watch := watched(context.WithoutCancel(ctx), address, StallPatience)
	defer watch.end()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, tempURL(address, name), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Size", strconv.FormatInt(size, 10))
	response, err := c.do(request, address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // its one line is read
	id, err := bufio.NewReader(io.LimitReader(response.Body, 1<<10)).ReadString('\n')
	if err != nil {
		return nil, noAnswer(ctx, address, err)
	}
	return &Upload{c, address, strings.TrimSpace(id), size}, nil
}

// Send sends all of the content. next gives it some pieces at a time, and then io.EOF; another error leaves an
// upload that can only be dropped. Pieces are not looked at any more when next is called again, or Send has returned.
func (u *Upload) Send(ctx context.Context, next func() (net.Buffers, error)) error {
	ctx, watch := watched(ctx, u.address, StallPatience)
	defer watch.end()
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, tempURL(u.address, u.id), nil)
	if err != nil {
		return err
	}
	var sent bodies
	defer sent.open.Wait()
	request.Body, request.ContentLength = sent.add(nil, next, watch), u.size
	return u.client.finish(request, u.address)
}

// Commit returns when the content is durable and can be read.
func (u *Upload) Commit(ctx context.Context) error {
	ctx, watch := watched(ctx, u.address, commitPatience)
	defer watch.end()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, tempURL(u.address, u.id), nil)
	if err != nil {
		return err
	}
	return u.client.finish(request, u.address)
}

// Drop leaves nothing of the upload, even if ctx is done. Where the data service cannot be told it
// finds out: when the connection breaks off, or when nothing comes for long.
func (u *Upload) Drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, tempURL(u.address, u.id), nil)
	if err == nil {
		_ = u.client.finish(request, u.address) // see above
	}
}

// finish sends a request whose answer has nothing of interest but that it is a success.
func (c *Client) finish(request *http.Request, address string) error {
	response, err := c.do(request, address)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func tempURL(address, what string) string { return "http://" + address + "/temp/" + what }
