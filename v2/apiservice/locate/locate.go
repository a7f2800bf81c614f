// Package locate finds where an object is, by asking all data services concurrently.
package locate

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"gostore/common/metrics"
	"gostore/common/peer"
	"gostore/common/rabbitmq"
)

// exchange is where data services are asked: the body of a message is a name.
const exchange = "dataServers"

// timeout is how long a data service that counts as alive may leave a question unanswered.
const timeout = time.Second

// attempts is how often Find asks before it gives up.
const attempts = 3

// maxInFlight is how many questions of one API service are in flight. More would only queue up in
// the broker and time out there.
const maxInFlight = 8

// answer comes from every data service that is asked, also from those that hold nothing.
type answer struct {
	Address string `json:"address"`
	Found   bool   `json:"found"`
}

// Locator finds objects. Its methods may be called by several goroutines at once.
type Locator struct {
	broker   *rabbitmq.Client
	known    func() ([]string, error) // the addresses of live data services
	peers    *peer.Client
	counts   metrics.Locates
	log      *slog.Logger
	inFlight chan struct{} // a semaphore
}

// NewLocator returns a Locator that asks over broker and expects an answer of every data service
// that known returns; its error says that there may be others. While broker is in an alarm it asks
// each itself.
func NewLocator(broker *rabbitmq.Client, known func() ([]string, error), peers *peer.Client, counts metrics.Locates, log *slog.Logger) *Locator {
	return &Locator{broker, known, peers, counts, log, make(chan struct{}, maxInFlight)}
}

// Find is Locate for callers that need the object: while a data service leaves the question open it
// asks again, three times at most.
func (l *Locator) Find(ctx context.Context, name string) (found string, sure bool, err error) {
	for range attempts {
		found, sure, err = l.Locate(ctx, name)
		if found != "" || sure || err != nil {
			break
		}
	}
	return found, sure, err
}

// Locate returns the address of a data service that holds the object as soon as one says so, or "".
// sure reports that the answer is final: with "", that every live data service has said no, which
// takes about a millisecond. Only for one that died in the last seconds, or is overloaded, does
// Locate wait for the whole timeout; that one may hold the object. The error is an answer for the
// client.
func (l *Locator) Locate(ctx context.Context, name string) (found string, sure bool, err error) {
	known, incomplete := l.known()
	if len(known) == 0 {
		return found, false, incomplete
	}
	select {
	case l.inFlight <- struct{}{}:
		defer func() { <-l.inFlight }()
	case <-ctx.Done():
		return found, false, ctx.Err()
	}
	found, sure, err = l.ask(ctx, name, known)
	if found == "" {
		err = cmp.Or(incomplete, err) // another one may hold it
	}
	return found, sure && incomplete == nil, err
}

func (l *Locator) ask(ctx context.Context, name string, live []string) (found string, sure bool, err error) {
	defer l.counts.Took.UpdateDuration(time.Now())
	ctx, end := context.WithCancel(ctx)
	defer end()
	replies, err := l.broker.Request(ctx, exchange, []byte(name))
	if _, blocked := l.broker.Blocked(); err != nil && blocked {
		replies, err = l.askDirectly(ctx, name, live), nil
	}
	if err != nil {
		return found, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout) // from when the question is sent
	defer cancel()
	found, sure = l.firstHolder(ctx, replies, live)
	return found, sure, nil
}

// askDirectly asks every data service itself: a broker in an alarm takes no questions. Nothing is
// asked any more when ctx is done.
func (l *Locator) askDirectly(ctx context.Context, name string, live []string) <-chan rabbitmq.Message {
	replies := make(chan rabbitmq.Message, len(live))
	for _, address := range live {
		go func() {
			if body, err := l.peers.Locate(ctx, address, name); err == nil {
				replies <- rabbitmq.Message{Body: body}
			}
		}()
	}
	return replies
}

// firstHolder reads answers until one says yes, all of live have said no, or ctx is done. It ignores
// answers that are malformed and those of services that send no heartbeats: a request to such an
// address would go to a stranger.
func (l *Locator) firstHolder(ctx context.Context, replies <-chan rabbitmq.Message, live []string) (found string, sure bool) {
	silent := map[string]bool{}
	for _, address := range live {
		silent[address] = true
	}
	for len(silent) > 0 {
		select {
		case <-ctx.Done():
			l.counts.Missing.Add(len(silent))
			return found, false
		case reply := <-replies:
			var a answer
			if err := json.Unmarshal(reply.Body, &a); err != nil {
				l.log.WarnContext(ctx, "malformed answer of a data service", "error", err)
				continue
			}
			if a.Found && silent[a.Address] {
				return a.Address, true
			}
			delete(silent, a.Address)
		}
	}
	return found, true
}
