package broker

// qos gives global the meaning that RabbitMQ gives it: all consumers of the channel share the window,
// instead of each new one having its own.
func (ch *channel) qos(a arguments) error {
	size, count, global := a.numbers[0], int(a.numbers[1]), a.flags.has(0)
	if size != 0 {
		return protocolError(notImplemented, "prefetch_size!=0 (%d)", size)
	}
	if global {
		ch.shared = count
		ch.pump()
	} else {
		ch.prefetch = count
	}
	ch.send(basicQosOK, nil)
	return nil
}

func (ch *channel) consume(a arguments) error {
	name, tag := a.strings[0], a.strings[1]
	noAck, exclusive, noWait := a.flags.has(1), a.flags.has(2), a.flags.has(3) // no-local has no effect in RabbitMQ
	q, err := ch.ownQueue(name)
	if err != nil {
		return err
	}
	if ch.consumers[tag] != nil {
		return protocolError(notAllowed, "attempt to reuse consumer tag '%s'", tag)
	}
	if q.exclusiveConsumer || exclusive && len(q.consumers) > 0 {
		return protocolError(accessRefused, "queue '%s' in vhost '%s' in exclusive use", q.name, vhost)
	}
	if tag == "" {
		tag = newName("amq.ctag-")
	}
	c := &consumer{tag: tag, channel: ch, queue: q, noAck: noAck, prefetch: ch.prefetch}
	ch.consumers[tag] = c
	q.consumers = append(q.consumers, c)
	q.exclusiveConsumer = exclusive
	_ = ch.answer(noWait, basicConsumeOK, fields{}.shortstr(tag)) // it has no error
	q.pump()
	return nil
}

func (ch *channel) cancel(a arguments) error {
	tag := a.strings[0]
	if c := ch.consumers[tag]; c != nil {
		ch.broker.cancel(c)
	}
	return ch.answer(a.flags.has(0), basicCancelOK, fields{}.shortstr(tag))
}

func (ch *channel) get(a arguments) error {
	q, err := ch.ownQueue(a.strings[0])
	if err != nil {
		return err
	}
	e := q.pop()
	if e == nil {
		ch.send(basicGetEmpty, fields{}.shortstr(""))
		return nil
	}
	tag := ch.track(&delivery{entry: e, queue: q}, a.flags.has(0))
	arguments := fields{}.longlong(tag).bit(e.redelivered).shortstr(e.message.exchange).shortstr(e.message.key)
	ch.conn.sendContent(ch.id, basicGetOK, arguments.long(uint32(q.ready.Len())), e.message)
	return nil
}

func (ch *channel) ack(a arguments) error {
	return ch.settleAnd(a.numbers[0], a.flags.has(0), false)
}

func (ch *channel) reject(a arguments) error {
	return ch.settleAnd(a.numbers[0], false, a.flags.has(0))
}

func (ch *channel) nack(a arguments) error {
	return ch.settleAnd(a.numbers[0], a.flags.has(0), a.flags.has(1))
}

// settleAnd forgets the messages or gives them back, and delivers what there is room for then.
func (ch *channel) settleAnd(tag uint64, multiple, requeue bool) error {
	settled, err := ch.settle(tag, multiple)
	if err != nil {
		return err
	}
	if requeue {
		ch.broker.requeue(settled)
	}
	ch.pump()
	return nil
}

// recover gives back all that is not acknowledged. That the same consumer gets it again, which
// requeue=false asks for, RabbitMQ does not do either.
func (ch *channel) recover(a arguments) error {
	if err := ch.recoverAsync(a); err != nil {
		return err
	}
	ch.send(basicRecoverOK, nil)
	return nil
}

func (ch *channel) recoverAsync(a arguments) error {
	if !a.flags.has(0) {
		return protocolError(notImplemented, "requeue=false")
	}
	return ch.settleAnd(0, true, true)
}
