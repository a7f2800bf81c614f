// Package requestid gives each request of a client an ID that its context carries, from the API service
// through messages to data services and to Elasticsearch, and that every log line about it has. So one
// request can be followed through the logs of all services.
package requestid

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
)

// Header is the header of requests and answers that has the ID, and that of messages.
const Header = "X-Request-Id"

// maxLength is the longest ID taken, in bytes. A UUID has 36.
const maxLength = 64

// key is that of the ID among the values of a context.
type key struct{}

// With returns a context with an ID: the given one, or a new one if that is not 1 to 64 of the letters
// and digits of ASCII, '-', '_' and '.'. Others would be quoted in a log, or could forge lines of it.
func With(ctx context.Context, id string) context.Context {
	if !valid(id) {
		id = rand.Text()
	}
	return context.WithValue(ctx, key{}, id)
}

// Of returns the ID of a context, or "".
func Of(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

func valid(id string) bool {
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return id != "" && len(id) <= maxLength
}

// Forward has a request to another service carry the ID of its context.
func Forward(r *http.Request) {
	if id := Of(r.Context()); id != "" {
		r.Header.Set(Header, id)
	}
}

// Logged returns a handler of log lines that adds the ID of the context, as request_id.
func Logged(handler slog.Handler) slog.Handler { return logged{handler} }

type logged struct{ slog.Handler }

func (l logged) Handle(ctx context.Context, line slog.Record) error {
	if id := Of(ctx); id != "" {
		line.AddAttrs(slog.String("request_id", id))
	}
	return l.Handler.Handle(ctx, line)
}

func (l logged) WithAttrs(attrs []slog.Attr) slog.Handler { return logged{l.Handler.WithAttrs(attrs)} }

func (l logged) WithGroup(name string) slog.Handler { return logged{l.Handler.WithGroup(name)} }
