package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"
)

const (
	reportInterval = time.Second // from one report to the next; they are some seconds old
	maxReport      = 1 << 20
)

// maintenance is what an API service reports of it, passed on as it is.
type maintenance struct {
	at   time.Time
	sent []byte
}

// changed returns the report if it is not what was sent, nil if none can be had.
func (m *maintenance) changed(ctx context.Context, s *stream) json.RawMessage {
	if time.Since(m.at) < reportInterval {
		return nil
	}
	m.at = time.Now()
	var report []byte
	err := s.ask(ctx, "/maintenance", func(body io.Reader) (err error) {
		report, err = io.ReadAll(io.LimitReader(body, maxReport))
		return err
	})
	if err != nil || !json.Valid(report) || bytes.Equal(report, m.sent) {
		return nil
	}
	m.sent = report
	return report
}
