package broker

import (
	"slices"
	"strings"
)

const (
	direct = "direct"
	fanout = "fanout"
	topic  = "topic"
)

// exchange is guarded by Broker.mu. Routing looks at all bindings, one after the other: RabbitMQ has
// an index, which thousands of bindings would need.
type exchange struct {
	name, kind                    string
	durable, autoDelete, internal bool
	bindings                      []binding
}

// binding leads to a queue or to another exchange.
type binding struct {
	key      string
	queue    *queue
	exchange *exchange
}

// destinations returns the queues that a message goes to, each once.
func (b *Broker) destinations(m *message) ([]*queue, error) {
	if m.exchange == "" {
		if q := b.queues[m.key]; q != nil {
			return []*queue{q}, nil
		}
		return nil, nil
	}
	x, err := b.exchange(m.exchange)
	if err != nil {
		return nil, err
	}
	if x.internal {
		return nil, protocolError(accessRefused, "cannot publish to internal exchange '%s' in vhost '%s'", x.name, vhost)
	}
	var queues []*queue
	reached := []*exchange{x}
	for i := 0; i < len(reached); i++ {
		for _, bound := range reached[i].bindings {
			switch {
			case !reached[i].matches(bound.key, m.key):
			case bound.queue != nil && !slices.Contains(queues, bound.queue):
				queues = append(queues, bound.queue)
			case bound.exchange != nil && !slices.Contains(reached, bound.exchange):
				reached = append(reached, bound.exchange)
			}
		}
	}
	return queues, nil
}

func (x *exchange) matches(bindingKey, key string) bool {
	switch x.kind {
	case fanout:
		return true
	case direct:
		return bindingKey == key
	default:
		return topicMatches(words(bindingKey), words(key))
	}
}

// words are those of a topic; an empty one has none.
func words(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// topicMatches tells whether words match a pattern, in which * is one word and # is any number of
// them. After a mismatch only the last # is widened, so it takes at most len(pattern)*len(words) steps.
func topicMatches(pattern, words []string) bool {
	p, w := 0, 0
	lastHash, resume := -1, 0
	for w < len(words) {
		switch {
		case p < len(pattern) && pattern[p] == "#":
			lastHash, resume = p, w
			p++
		case p < len(pattern) && (pattern[p] == "*" || pattern[p] == words[w]):
			p++
			w++
		case lastHash >= 0:
			resume++
			p, w = lastHash+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "#" {
		p++
	}
	return p == len(pattern)
}

func (b *Broker) exchange(name string) (*exchange, error) {
	if x := b.exchanges[name]; x != nil {
		return x, nil
	}
	return nil, protocolError(notFound, "no exchange '%s' in vhost '%s'", name, vhost)
}

// ordinary finds an exchange that may be changed.
func (b *Broker) ordinary(name string) (*exchange, error) {
	if name == "" {
		return nil, protocolError(accessRefused, "operation not permitted on the default exchange")
	}
	return b.exchange(name)
}

func (x *exchange) bind(to binding) {
	if !slices.Contains(x.bindings, to) {
		x.bindings = append(x.bindings, to)
	}
}

// unbind removes the bindings that gone names, and with the last one an auto-delete exchange.
func (b *Broker) unbind(x *exchange, gone func(binding) bool) {
	before := len(x.bindings)
	x.bindings = slices.DeleteFunc(x.bindings, gone)
	if x.autoDelete && len(x.bindings) == 0 && before > 0 {
		b.deleteExchange(x)
	}
}

func (b *Broker) unbindAll(q *queue) {
	for _, x := range b.exchanges {
		b.unbind(x, func(to binding) bool { return to.queue == q })
	}
}

func (b *Broker) deleteExchange(x *exchange) {
	delete(b.exchanges, x.name)
	x.bindings = nil
	for _, from := range b.exchanges {
		b.unbind(from, func(to binding) bool { return to.exchange == x })
	}
}

func (ch *channel) exchangeDeclare(a arguments) error {
	passive, noWait := a.flags.has(0), a.flags.has(4)
	want := &exchange{name: a.strings[0], kind: a.strings[1], durable: a.flags.has(1), autoDelete: a.flags.has(2), internal: a.flags.has(3)}
	if err := ch.broker.findOrMakeExchange(want, passive); err != nil {
		return err
	}
	return ch.answer(noWait, exchangeDeclareOK, nil)
}

func (b *Broker) findOrMakeExchange(want *exchange, passive bool) error {
	x, err := b.ordinary(want.name)
	switch {
	case passive || want.name == "":
		return err
	case want.kind != direct && want.kind != fanout && want.kind != topic:
		return protocolError(commandInvalid, "unknown exchange type '%s'", want.kind)
	case x != nil:
		return x.sameAs(want)
	case strings.HasPrefix(want.name, "amq."):
		return protocolError(accessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", want.name)
	}
	b.exchanges[want.name] = want
	return nil
}

// sameAs returns an error if an exchange that is there was declared in another way.
func (x *exchange) sameAs(want *exchange) error {
	switch {
	case x.kind != want.kind:
		return inequivalent("type", "exchange", x.name, want.kind, x.kind)
	case x.durable != want.durable:
		return inequivalent("durable", "exchange", x.name, want.durable, x.durable)
	case x.autoDelete != want.autoDelete:
		return inequivalent("auto_delete", "exchange", x.name, want.autoDelete, x.autoDelete)
	case x.internal != want.internal:
		return inequivalent("internal", "exchange", x.name, want.internal, x.internal)
	}
	return nil
}

// exchangeDelete, as RabbitMQ, does not mind if there is no such exchange.
func (ch *channel) exchangeDelete(a arguments) error {
	name, ifUnused, noWait := a.strings[0], a.flags.has(0), a.flags.has(1)
	if name == "" || strings.HasPrefix(name, "amq.") {
		return protocolError(accessRefused, "exchange '%s' in vhost '%s' cannot be deleted", name, vhost)
	}
	x := ch.broker.exchanges[name]
	if x != nil && ifUnused && len(x.bindings) > 0 {
		return protocolError(preconditionFailed, "exchange '%s' in vhost '%s' in use", name, vhost)
	}
	if x != nil {
		ch.broker.deleteExchange(x)
	}
	return ch.answer(noWait, exchangeDeleteOK, nil)
}

func (ch *channel) exchangeBind(a arguments) error {
	from, bound, err := ch.exchangeBinding(a)
	if err != nil {
		return err
	}
	from.bind(bound)
	return ch.answer(a.flags.has(0), exchangeBindOK, nil)
}

func (ch *channel) exchangeUnbind(a arguments) error {
	from, bound, err := ch.exchangeBinding(a)
	if err != nil {
		return err
	}
	ch.broker.unbind(from, func(other binding) bool { return other == bound })
	return ch.answer(a.flags.has(0), exchangeUnbindOK, nil)
}

func (ch *channel) exchangeBinding(a arguments) (from *exchange, bound binding, err error) {
	to, err := ch.broker.ordinary(a.strings[0])
	if err != nil {
		return nil, binding{}, err
	}
	from, err = ch.broker.ordinary(a.strings[1])
	return from, binding{key: a.strings[2], exchange: to}, err
}

func (ch *channel) queueBind(a arguments) error {
	x, bound, err := ch.queueBinding(a)
	if err != nil {
		return err
	}
	x.bind(bound)
	return ch.answer(a.flags.has(0), queueBindOK, nil)
}

// queueUnbind always answers: for it there is no no-wait.
func (ch *channel) queueUnbind(a arguments) error {
	x, bound, err := ch.queueBinding(a)
	if err != nil {
		return err
	}
	ch.broker.unbind(x, func(other binding) bool { return other == bound })
	return ch.answer(false, queueUnbindOK, nil)
}

// queueBinding finds which binding is meant. An empty name of a queue stands for the one declared
// last, and then an empty key for its name.
func (ch *channel) queueBinding(a arguments) (from *exchange, bound binding, err error) {
	name, source, key := a.strings[0], a.strings[1], a.strings[2]
	q, err := ch.ownQueue(name)
	if err != nil {
		return nil, binding{}, err
	}
	if name == "" && key == "" {
		key = q.name
	}
	from, err = ch.broker.ordinary(source)
	return from, binding{key: key, queue: q}, err
}
