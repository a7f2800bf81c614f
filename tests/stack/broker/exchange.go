package broker

import (
	"slices"
	"strings"
)

// exchange is a fanout exchange. It is guarded by Broker.mu.
type exchange struct {
	name    string
	durable bool
	bound   []*queue
}

// destinations returns the queues that a message goes to. The default exchange has the one that the
// key names.
func (b *Broker) destinations(m *message) ([]*queue, error) {
	if m.exchange != "" {
		x, err := b.exchange(m.exchange)
		if err != nil {
			return nil, err
		}
		return x.bound, nil
	}
	if q := b.queues[m.key]; q != nil {
		return []*queue{q}, nil
	}
	return nil, nil
}

// exchange finds one that is not the default.
func (b *Broker) exchange(name string) (*exchange, error) {
	if name == "" {
		return nil, protocolError(accessRefused, "operation not permitted on the default exchange")
	}
	if x := b.exchanges[name]; x != nil {
		return x, nil
	}
	return nil, protocolError(notFound, "no exchange '%s' in vhost '%s'", name, vhost)
}

func (ch *channel) exchangeDeclare(a arguments) error {
	name, kind, durable := a.strings[0], a.strings[1], a.flags.has(1)
	x, err := ch.broker.exchange(name)
	switch {
	case (a.flags.has(0) || name == "") && err != nil: // passive
		return err
	case a.flags.has(0):
	case a.flags.has(2), a.flags.has(3), a.table != "":
		return unknown("exchanges that are auto-delete, internal, or have arguments")
	case x != nil && kind != "fanout":
		return inequivalent("type", "exchange", name, kind, "fanout")
	case x != nil && x.durable != durable:
		return inequivalent("durable", "exchange", name, durable, x.durable)
	case strings.HasPrefix(name, "amq."):
		return protocolError(accessRefused, "exchange name '%s' contains reserved prefix 'amq.*'", name)
	case kind != "fanout":
		return unknown("exchange type '%s'", kind)
	case x == nil:
		ch.broker.exchanges[name] = &exchange{name: name, durable: durable}
	}
	return ch.answer(a.flags.has(4), exchangeDeclareOK, nil)
}

func inequivalent(property, kind, name string, received, current any) error {
	return protocolError(preconditionFailed, "inequivalent arg '%s' for %s '%s' in vhost '%s': received '%v' but current is '%v'",
		property, kind, name, vhost, received, current)
}

// exchangeDelete does not mind, as RabbitMQ, if there is no such exchange.
func (ch *channel) exchangeDelete(a arguments) error {
	if ifUnused := a.flags.has(0); ifUnused {
		return unknown("to delete an exchange on a condition")
	}
	delete(ch.broker.exchanges, a.strings[0])
	return ch.answer(a.flags.has(1), exchangeDeleteOK, nil)
}

// queueBind takes any key: it means nothing to a fanout exchange.
func (ch *channel) queueBind(a arguments) error {
	q, err := ch.queue(a.strings[0])
	if err != nil {
		return err
	}
	x, err := ch.broker.exchange(a.strings[1])
	if err != nil {
		return err
	}
	if !slices.Contains(x.bound, q) {
		x.bound = append(x.bound, q)
	}
	return ch.answer(a.flags.has(0), queueBindOK, nil)
}
