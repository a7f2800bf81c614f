package objectstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Put has the data service at address hold a shard of a small object, durably, and returns for how long the
// caller may rely on it, as Claim does. The error is 409 if it holds an intact one of another encoding.
func (c *Client) Put(ctx context.Context, address, name string, file []byte) (time.Duration, error) {
	if err := c.breaker.allow(address); err != nil {
		return 0, err
	}
	ctx, watch := c.watched(ctx, address, timeoutOf(int64(len(file))))
	defer watch.end()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+address+"/objects/"+name, bytes.NewReader(file))
	if err != nil {
		return 0, err
	}
	response, err := c.do(request, address)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() // its one line is read
	age, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, unavailable(ctx, address, err)
	}
	return time.ParseDuration(string(age))
}

// Whole returns a shard of up to limit bytes that the data service at address holds.
func (c *Client) Whole(ctx context.Context, address, name string, limit int64, timeout time.Duration) ([]byte, error) {
	body, err := c.Get(ctx, address, "objects/"+name, 0, limit, timeout)
	if err != nil {
		return nil, err
	}
	defer body.Close() // it is read to its end
	if body.Size < 0 || body.Size > limit {
		return nil, fmt.Errorf("%w: %d bytes of %s", ErrCorrupt, body.Size, name)
	}
	file := make([]byte, body.Size)
	return file, body.Fill(file)
}
