// Package locate answers API services that ask who holds the shards of a content.
package locate

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"gostore/chapter5/rs"
	"gostore/common/hash"
	"gostore/common/rabbitmq"
)

// exchange is where API services ask: the body of a message is hashes in hexadecimal, one a line.
const exchange = "dataServers"

// patience is how long an API service waits for an answer.
const patience = time.Second

// answer is sent with shards or without, so that who asks knows that there are none as soon as
// everybody has said so, and need not wait until nobody says more.
type answer struct {
	Address string `json:"address"`
	Shards  []int  `json:"shards"`
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

func answerFor(address, names string, dir Holder) ([]byte, error) {
	var body bytes.Buffer
	answers := json.NewEncoder(&body)
	for name := range strings.SplitSeq(names, "\n") {
		shards, err := held(name, dir)
		if err != nil {
			return nil, err
		}
		if err := answers.Encode(answer{address, shards}); err != nil {
			return nil, err
		}
	}
	return body.Bytes(), nil
}

func held(name string, dir Holder) (shards []int, err error) {
	content, err := hash.ParseHex(name)
	if err != nil {
		return nil, err
	}
	for shard := range rs.Shards {
		found, err := dir.Has(rs.Name(content, shard))
		if err != nil {
			return nil, err
		}
		if found {
			shards = append(shards, shard)
		}
	}
	return shards, nil
}
