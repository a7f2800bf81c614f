package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"gostore/tests/cluster"
)

const (
	askTimeout = 3 * time.Second
	// pageID is the X-Request-Id of the page's own requests, which it does not show.
	pageID = "watch-page"
)

// ask sends a GET to the API services, one after the other until one answers, and has the body read.
func (s *stream) ask(ctx context.Context, path string, read func(body io.Reader) error) error {
	err := errors.New("no API service")
	for _, api := range s.page.cfg.Cluster.API {
		if !s.answers(api) {
			continue
		}
		if err = askOne(ctx, api, path, read); err == nil {
			return nil
		}
	}
	return err
}

// answers reports whether it makes sense to ask: a frozen service would hold up the page.
func (s *stream) answers(api *cluster.Process) bool {
	for _, known := range s.last.Services {
		if known.Name == api.Name {
			return known.State != frozen && known.State != dead
		}
	}
	return !hasEnded(api)
}

func askOne(ctx context.Context, api *cluster.Process, path string, read func(body io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, api.URL()+path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	request.Header.Set("X-Request-Id", pageID)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() // what is not read is not wanted
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", api.Name, response.Status)
	}
	return read(response.Body)
}
