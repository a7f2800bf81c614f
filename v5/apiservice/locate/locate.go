// Package locate finds the data services that hold the shards of a content, by asking all of them at
// once.
package locate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"gostore/chapter5/rs"
	"gostore/common/httpd"
	"gostore/common/rabbitmq"
	"gostore/common/together"
)

// exchange is where data services are asked: the body of a message is hashes in hexadecimal, one a line.
const exchange = "dataServers"

// patience is how long a data service that is taken to be alive may leave a question unanswered.
const patience = time.Second

// rememberedMost is how many contents' holders are remembered.
const rememberedMost = 10_000

// answer comes from every data service that is asked, whether it holds shards or not, one for every hash, in their order.
type answer struct {
	Address string `json:"address"`
	Shards  []int  `json:"shards"`
}

// Places says which data service holds each shard of a content; "" where none is known to.
type Places [rs.Shards]string

// Known returns how many shards are held by somebody.
func (p Places) Known() (n int) {
	for _, address := range p {
		if address != "" {
			n++
		}
	}
	return n
}

// Holders returns how many data services hold them.
func (p Places) Holders() int {
	holders := map[string]bool{}
	for _, address := range p {
		if address != "" {
			holders[address] = true
		}
	}
	return len(holders)
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
	questions    *together.Together[*question]
	remembered   *lru.Cache[string, Places] // who held all shards of a content when that was last known
}

// question is about one content. Several go in one message, because a message costs a broker, and all that it wakes,
// the same whatever stands in it.
type question struct {
	name   string
	found  candidates
	places Places
	sure   bool
}

// NewLocator returns a Locator that asks over broker.
func NewLocator(broker Broker, dataServices DataServices) (*Locator, error) {
	remembered, err := lru.New[string, Places](rememberedMost)
	if err != nil {
		return nil, err
	}
	l := &Locator{broker: broker, dataServices: dataServices, remembered: remembered}
	l.questions = together.New(l.ask)
	return l, nil
}

// Find returns who holds the shards of a content that exists: out of memory, as far as those are alive and
// enough, or else as Locate does. What is remembered may be out of date: content does not change, but
// shards get lost. Who reads notices, and asks Locate then.
func (l *Locator) Find(ctx context.Context, name string) (Places, error) {
	places, _ := l.remembered.Get(name)
	live, err := l.dataServices.Live()
	if err != nil {
		return places, err
	}
	for shard, address := range places {
		if !slices.Contains(live, address) {
			places[shard] = ""
		}
	}
	if places.Known() < rs.DataShards {
		places, _, err = l.Locate(ctx, name)
	}
	return places, err
}

// Remember is told who holds the shards of a content. It is remembered if these are all.
func (l *Locator) Remember(name string, places Places) {
	if places.Known() == rs.Shards {
		l.remembered.Add(name, places)
	} else {
		l.remembered.Remove(name)
	}
}

// Locate returns who holds the shards of a content. sure is true if every live data service has
// answered, or all shards are found, which takes about a millisecond. Only for one that died in the
// last seconds, or is overloaded, is there a wait: the whole patience, or a tenth of it where there are
// shards enough to read the object, and every other that is asked about with it. The error is an answer for the client.
func (l *Locator) Locate(ctx context.Context, name string) (places Places, sure bool, err error) {
	q := &question{name: name}
	if err := l.questions.Do(ctx, q); err != nil {
		return places, false, err
	}
	l.Remember(name, q.places)
	return q.places, q.sure, nil
}

func (l *Locator) ask(ctx context.Context, questions []*question) error {
	live, err := l.dataServices.Live()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	names := make([]string, len(questions))
	for i, q := range questions {
		names[i] = q.name
	}
	replies, err := l.broker.Request(ctx, exchange, []byte(strings.Join(names, "\n")))
	if err != nil {
		return unavailable(err)
	}
	return listen(ctx, questions, replies, live)
}

// listen reads answers until for every question each shard is found on a data service of its own, all of live have
// answered, or time is up.
func listen(ctx context.Context, questions []*question, replies <-chan rabbitmq.Message, live []string) error {
	silent := map[string]bool{}
	for _, address := range live {
		silent[address] = true
	}
	enough := time.NewTimer(patience / 10)
	defer enough.Stop()
	for len(silent) > 0 && !every(questions, func(q *question) bool { return q.places.Holders() == rs.Shards }) {
		select {
		case <-ctx.Done():
			return nil
		case <-enough.C:
			if every(questions, func(q *question) bool { return q.places.Known() >= rs.DataShards }) {
				return nil
			}
		case reply := <-replies:
			address, err := take(questions, reply.Body)
			if err != nil {
				return fmt.Errorf("answer of a data service: %w", err)
			}
			delete(silent, address)
		}
	}
	for _, q := range questions {
		q.sure = true
	}
	return nil
}

func every(questions []*question, is func(q *question) bool) bool {
	return !slices.ContainsFunc(questions, func(q *question) bool { return !is(q) })
}

// take gives every question its answer of a data service.
func take(questions []*question, body []byte) (address string, err error) {
	answers := json.NewDecoder(bytes.NewReader(body))
	for _, q := range questions {
		var a answer
		if err := answers.Decode(&a); err != nil {
			return "", err
		}
		address = a.Address
		q.found.add(a)
		q.places = q.found.spread()
		q.sure = q.places.Known() == rs.Shards
	}
	return address, nil
}

// Apart returns p with those of more that are on data services which hold no other shard: two shards in one place are
// lost together.
func (p Places) Apart(more Places) Places {
	for shard, address := range more {
		if p.Held(address) == 0 {
			p[shard] = address
		}
	}
	return p
}

// Held returns how many of the shards a data service holds.
func (p Places) Held(address string) (n int) {
	for _, holder := range p {
		if holder == address {
			n++
		}
	}
	return n
}

// candidates are the data services that hold each shard: more than one may, when equal objects were put at the
// same time.
type candidates [rs.Shards][]string

func (c *candidates) add(a answer) {
	for _, shard := range a.Shards {
		if shard >= 0 && shard < rs.Shards {
			c[shard] = append(c[shard], a.Address)
		}
	}
}

// spread chooses one for each shard, and those shards first that have the least choice, so that an object is not
// taken to lie on fewer data services than it does.
func (c *candidates) spread() (p Places) {
	order := [rs.Shards]int{0, 1, 2, 3, 4, 5}
	slices.SortStableFunc(order[:], func(a, b int) int { return len(c[a]) - len(c[b]) })
	for _, shard := range order {
		if len(c[shard]) > 0 {
			p[shard] = slices.MinFunc(c[shard], func(a, b string) int { return p.Held(a) - p.Held(b) })
		}
	}
	return p
}

func unavailable(err error) error {
	if errors.Is(err, rabbitmq.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return httpd.Unavailable("data services cannot be asked: %v", err)
	}
	return err
}
