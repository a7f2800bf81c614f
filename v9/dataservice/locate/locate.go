// Package locate answers API services that ask where an object is.
package locate

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"gostore/chapter9/rs"
	"gostore/common/hash"
	"gostore/common/httpd"
	"gostore/common/names"
	"gostore/common/rabbitmq"
)

// exchange is where API services ask: the body of a message is a name.
const exchange = "dataServers"

// timeout is how long an API service waits for an answer.
const timeout = time.Second

// answer is also sent when there is nothing here, so that the API service knows that as soon as every
// data service has said so, and need not wait for a timeout.
type answer struct {
	Address string `json:"address"`
	Shards  []int  `json:"shards"`
}

// Holder knows which files there are.
type Holder interface {
	Has(file string) (bool, error)
}

// Answer answers every question with the address of this data service, while broker runs.
func Answer(broker *rabbitmq.Client, address string, holder Holder, log *slog.Logger) {
	broker.Subscribe(exchange, func(ctx context.Context, question rabbitmq.Message) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		body, err := answerFor(address, string(question.Body), holder)
		if err == nil {
			err = broker.Reply(ctx, question, body)
		}
		if err != nil {
			log.WarnContext(ctx, "a question is left without an answer", "error", err)
		}
	})
}

// Handler answers GET /locate/NAME with what Answer answers: an API service asks here while the
// broker is in an alarm.
func Handler(address string, holder Holder) http.Handler {
	return httpd.Methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) error {
		name, err := names.FromPath(r.URL.EscapedPath())
		if err != nil {
			return err
		}
		body, err := answerFor(address, name, holder)
		if err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	}}
}

func answerFor(address, name string, holder Holder) ([]byte, error) {
	content, err := hash.ParseHex(name)
	if err != nil {
		return nil, err
	}
	shards := []int{}
	for shard := range rs.Shards {
		found, err := holder.Has(rs.Name(content, shard))
		if err != nil {
			return nil, err
		}
		if found {
			shards = append(shards, shard)
		}
	}
	return json.Marshal(answer{address, shards})
}
