// Package locate answers API services that ask who holds an object.
package locate

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"gostore/common/names"
	"gostore/common/rabbitmq"
)

// exchange is where API services ask: the body of a message is the name of an object.
const exchange = "dataServers"

// patience is how long an API service waits for an answer.
const patience = time.Second

// answer is sent with the object or without it, so that who asks knows that there is none as soon as
// everybody has said so, and need not wait until nobody says more.
type answer struct {
	Address string `json:"address"`
	Found   bool   `json:"found"`
}

// Broker receives questions and takes answers.
type Broker interface {
	Subscribe(exchange string, handle func(rabbitmq.Message))
	Reply(ctx context.Context, request rabbitmq.Message, body []byte) error
}

// Holder knows which files there are.
type Holder interface {
	Has(file string) (bool, error)
}

// Answer has every question answered, with the address of this data service, while broker runs.
func Answer(broker Broker, address string, dir Holder, log *slog.Logger) {
	broker.Subscribe(exchange, func(question rabbitmq.Message) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		body, err := answerFor(address, string(question.Body), dir)
		if err == nil {
			err = broker.Reply(ctx, question, body)
		}
		if err != nil {
			log.Warn("a question goes without an answer", "error", err)
		}
	})
}

func answerFor(address, name string, dir Holder) ([]byte, error) {
	file, err := names.File(name)
	if err != nil {
		return json.Marshal(answer{address, false}) // what makes no file name is nobody's
	}
	found, err := dir.Has(file)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer{address, found})
}
