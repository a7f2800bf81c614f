package objectstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"gostore/common/peer"
)

// Put has the data service at address hold a shard of a small object, durably, and returns for how long the
// caller may rely on it, as Claim does. It does not use file after it has returned. The error is 409 if it holds an intact one of another encoding.
func (c *Client) Put(ctx context.Context, address, name string, file []byte) (time.Duration, error) {
	if err := c.Allow(address); err != nil {
		return 0, err
	}
	ctx, watch := c.Watched(ctx, address, peer.TimeoutOf(int64(len(file))))
	defer watch.End()
	var reading sync.WaitGroup
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+address+"/objects/"+name, nil)
	if err != nil {
		return 0, err
	}
	request.ContentLength = int64(len(file))
	request.GetBody = func() (io.ReadCloser, error) { return newSent(file, &reading), nil } // for another connection
	request.Body = newSent(file, &reading)
	response, err := c.Do(request, address)
	reading.Wait()
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() // its one line is read
	age, err := io.ReadAll(io.LimitReader(response.Body, peer.MaxAnswer))
	if err != nil {
		return 0, peer.Unavailable(ctx, address, err)
	}
	return time.ParseDuration(string(age))
}

// Whole reads a shard that the data service at address holds into memory, and returns the part of it that the shard
// takes.
func (c *Client) Whole(ctx context.Context, address, name string, memory []byte, timeout time.Duration) ([]byte, error) {
	body, err := c.Get(ctx, address, "objects/"+name, 0, int64(len(memory)), timeout)
	if err != nil {
		return nil, err
	}
	defer body.Close() // it is read to its end
	if body.Size < 0 || body.Size > int64(len(memory)) {
		return nil, fmt.Errorf("%w: %d bytes of %s", peer.ErrCorrupt, body.Size, name)
	}
	file := memory[:body.Size]
	return file, body.Fill(file)
}

// sent is a body that says when net/http reads it no more, which may be after the answer.
type sent struct {
	*bytes.Reader
	done func()
}

func newSent(file []byte, reading *sync.WaitGroup) *sent {
	reading.Add(1)
	return &sent{bytes.NewReader(file), sync.OnceFunc(reading.Done)}
}

func (s *sent) Close() error {
	s.done()
	return nil
}
