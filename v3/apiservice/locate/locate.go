// Package locate finds the data service that holds an object, by asking all of them at once.
package locate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gostore/common/httpd"
	"gostore/common/rabbitmq"
)

// exchange is where data services are asked: the body of a message is the name of an object.
const exchange = "dataServers"

// patience is how long a data service that is taken to be alive may leave a question unanswered.
const patience = time.Second

// searches is how often Find asks before it gives up.
const searches = 3

// atOnce is how many questions one API service has under way. More would only queue up in the
// broker, with their patience running out there.
const atOnce = 8

// answer comes from every data service that is asked, whether it holds the object or not.
type answer struct {
	Address string `json:"address"`
	Found   bool   `json:"found"`
}

// Broker puts a question to all data services.
type Broker interface {
	Request(ctx context.Context, exchange string, body []byte) (<-chan rabbitmq.Message, error)
}

// DataServices says which data services are alive, so that answers are expected of them.
type DataServices interface {
	Live() ([]string, error)
}

// Locator finds objects. Its methods may be called by several goroutines at once.
type Locator struct {
	broker       Broker
	dataServices DataServices
	asking       chan struct{} // holds one for each question under way
}

// NewLocator returns a Locator that asks over broker.
func NewLocator(broker Broker, dataServices DataServices) *Locator {
	return &Locator{broker, dataServices, make(chan struct{}, atOnce)}
}

// Find is Locate for who needs the object and would rather wait: as long as a data service leaves the
// question open it is asked again.
func (l *Locator) Find(ctx context.Context, name string) (address string, sure bool, err error) {
	for range searches {
		address, sure, err = l.Locate(ctx, name)
		if address != "" || sure || err != nil {
			break
		}
	}
	return address, sure, err
}

// Locate returns the address of a data service that holds the object, as soon as one says so, or "".
// sure is true of the latter as soon as every live one has said that it does not, which takes about
// a millisecond. Only for one that died in the last seconds, or is overloaded, is the whole patience
// waited out; then it may be that very one which holds the object. The error is an answer for the
// client.
func (l *Locator) Locate(ctx context.Context, name string) (address string, sure bool, err error) {
	live, err := l.dataServices.Live()
	if err != nil {
		return "", false, err
	}
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	return l.ask(ctx, name, live)
}

func (l *Locator) ask(ctx context.Context, name string, live []string) (address string, sure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	replies, err := l.broker.Request(ctx, exchange, []byte(name))
	if err != nil {
		return "", false, unavailable(err)
	}
	return firstHolder(ctx, replies, live)
}

// firstHolder reads answers until one says yes, all of live have said no, or time is up.
func firstHolder(ctx context.Context, replies <-chan rabbitmq.Message, live []string) (address string, sure bool, err error) {
	silent := map[string]bool{}
	for _, address := range live {
		silent[address] = true
	}
	for len(silent) > 0 {
		select {
		case <-ctx.Done():
			return "", false, nil
		case reply := <-replies:
			var a answer
			if err := json.Unmarshal(reply.Body, &a); err != nil {
				return "", false, fmt.Errorf("answer of a data service: %w", err)
			}
			if a.Found {
				return a.Address, true, nil
			}
			delete(silent, a.Address)
		}
	}
	return "", true, nil
}

func unavailable(err error) error {
	if errors.Is(err, rabbitmq.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return httpd.Unavailable("data services cannot be asked: %v", err)
	}
	return err
}
