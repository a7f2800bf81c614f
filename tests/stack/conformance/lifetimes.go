package conformance

import (
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func (b broker) exclusiveQueue(t *testing.T) {
	owner, other := b.connect(t), b.connect(t)
	queue := ownQueue(t, channelOf(t, owner))
	uses := map[string]func(*amqp.Channel) error{
		"declare": queueNamed(queue),
		"consume": func(ch *amqp.Channel) error {
			_, err := ch.Consume(queue, "", true, false, false, false, nil)
			return err
		},
		"delete": func(ch *amqp.Channel) error {
			_, err := ch.QueueDelete(queue, false, false, false)
			return err
		},
	}
	for name, use := range uses {
		require.Equal(t, amqp.ResourceLocked, codeOf(t, use(channelOf(t, other))), name)
	}
	send(t, b.confirmed(t), "", queue, "publishing is for all")
	getBodies(t, channelOf(t, owner), queue, "publishing is for all")
	require.NoError(t, owner.Close())
	vanishes(t, other, queueNamed(queue))
}

func (b broker) autoDeleteQueue(t *testing.T) {
	conn := b.connect(t)
	ch, queue := channelOf(t, conn), unique()
	_, err := ch.QueueDeclare(queue, false, true, false, false, nil)
	require.NoError(t, err)
	require.True(t, isThere(t, conn, queueNamed(queue)), "it waits for its first consumer")
	for _, tag := range []string{"one", "two"} {
		_, err := ch.Consume(queue, tag, true, false, false, false, nil)
		require.NoError(t, err)
	}
	require.NoError(t, ch.Cancel("one", false))
	require.True(t, isThere(t, conn, queueNamed(queue)))
	require.NoError(t, ch.Cancel("two", false))
	vanishes(t, conn, queueNamed(queue))
}

func (b broker) autoDeleteExchange(t *testing.T) {
	conn := b.connect(t)
	ch, exchange := channelOf(t, conn), unique()
	require.NoError(t, ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, true, false, false, nil))
	queue := ownQueue(t, ch)
	bind(t, ch, queue, "", exchange)
	require.True(t, isThere(t, conn, exchangeNamed(exchange)))
	_, err := ch.QueueDelete(queue, false, false, false)
	require.NoError(t, err)
	vanishes(t, conn, exchangeNamed(exchange))
}

func (b broker) deletedQueueCancelsConsumers(t *testing.T) {
	in, other := b.channel(t), b.channel(t)
	queue := unique()
	_, err := other.QueueDeclare(queue, false, false, false, false, nil)
	require.NoError(t, err)
	cancelled := in.NotifyCancel(make(chan string, 1))
	_, err = in.Consume(queue, "listener", true, false, false, false, nil)
	require.NoError(t, err)
	_, err = other.QueueDelete(queue, false, false, false)
	require.NoError(t, err)
	require.Equal(t, "listener", receive(t, cancelled))
}

func (b broker) serverNames(t *testing.T) {
	ch := b.channel(t)
	one, two := ownQueue(t, ch), ownQueue(t, ch)
	require.Regexp(t, `^amq\.gen-.`, one)
	require.NotEqual(t, one, two)
}

// errors: what is wrong closes the channel, or the connection, with the right code.
func (b broker) errors(t *testing.T) {
	missing, queue, exchange := unique(), b.sharedQueue(t), b.exchange(t, amqp.ExchangeDirect)
	send(t, b.confirmed(t), "", queue, "keeps it from being empty")
	_, err := b.channel(t).Consume(queue, "", false, true, false, false, nil)
	require.NoError(t, err)
	wrongs := []struct {
		name string
		code int
		do   func(*amqp.Channel)
	}{
		{"no such queue", amqp.NotFound, func(ch *amqp.Channel) { _, _ = ch.Consume(missing, "", true, false, false, false, nil) }},
		{"no such queue, passive", amqp.NotFound, func(ch *amqp.Channel) { _ = queueNamed(missing)(ch) }},
		{"no such exchange, passive", amqp.NotFound, func(ch *amqp.Channel) { _ = exchangeNamed(missing)(ch) }},
		{"bind to no exchange", amqp.NotFound, func(ch *amqp.Channel) { _ = ch.QueueBind(queue, "", missing, false, nil) }},
		{"publish to no exchange", amqp.NotFound, func(ch *amqp.Channel) { publish(ch, missing, false) }},
		{"other durability", amqp.PreconditionFailed, func(ch *amqp.Channel) { _, _ = ch.QueueDeclare(queue, true, false, false, false, nil) }},
		{"other auto-delete", amqp.PreconditionFailed, func(ch *amqp.Channel) { _, _ = ch.QueueDeclare(queue, false, true, false, false, nil) }},
		{"other arguments", amqp.PreconditionFailed, func(ch *amqp.Channel) {
			_, _ = ch.QueueDeclare(queue, false, false, false, false, amqp.Table{"x-max-length": int32(5)})
		}},
		{"other exclusiveness", amqp.ResourceLocked, func(ch *amqp.Channel) { _, _ = ch.QueueDeclare(queue, false, false, true, false, nil) }},
		{"other type", amqp.PreconditionFailed, func(ch *amqp.Channel) {
			_ = ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, false, false, false, nil)
		}},
		{"other durability of exchange", amqp.PreconditionFailed, func(ch *amqp.Channel) {
			_ = ch.ExchangeDeclare(exchange, amqp.ExchangeDirect, true, false, false, false, nil)
		}},
		{"delete used queue", amqp.PreconditionFailed, func(ch *amqp.Channel) { _, _ = ch.QueueDelete(queue, true, false, false) }},
		{"queue in exclusive use", amqp.AccessRefused, func(ch *amqp.Channel) { _, _ = ch.Consume(queue, "", true, false, false, false, nil) }},
		{"reserved queue name", amqp.AccessRefused, func(ch *amqp.Channel) { _, _ = ch.QueueDeclare("amq."+missing, false, false, false, false, nil) }},
		{"reserved exchange name", amqp.AccessRefused, func(ch *amqp.Channel) {
			_ = ch.ExchangeDeclare("amq."+missing, amqp.ExchangeDirect, false, false, false, false, nil)
		}},
		{"bind to default exchange", amqp.AccessRefused, func(ch *amqp.Channel) { _ = ch.QueueBind(queue, "", "", false, nil) }},
		{"unknown delivery tag", amqp.PreconditionFailed, func(ch *amqp.Channel) { _ = ch.Ack(42, false) }},
		{"immediate", amqp.NotImplemented, func(ch *amqp.Channel) { publish(ch, exchange, true) }},
		{"flow off", amqp.NotImplemented, func(ch *amqp.Channel) { _ = ch.Flow(false) }},
		{"recover without requeue", amqp.NotImplemented, func(ch *amqp.Channel) { _ = ch.Recover(false) }}, //nolint:staticcheck // deprecated, and still answered
		{"unknown exchange type", amqp.CommandInvalid, func(ch *amqp.Channel) { _ = ch.ExchangeDeclare(missing, "round", false, false, false, false, nil) }},
	}
	for _, wrong := range wrongs {
		t.Run(wrong.name, func(t *testing.T) { b.isRefused(t, wrong.code, wrong.do) })
	}
}

func publish(ch *amqp.Channel, exchange string, immediate bool) {
	_ = ch.Publish(exchange, "", false, immediate, amqp.Publishing{Body: []byte("body")})
}

// isRefused looks at the code that the channel is closed with, since not every call waits for it.
func (b broker) isRefused(t *testing.T, code int, do func(*amqp.Channel)) {
	conn := b.connect(t)
	ch := channelOf(t, conn)
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	do(ch)
	require.Equal(t, code, receive(t, closed).Code)
	if code < 500 {
		require.NoError(t, channelOf(t, conn).Close(), "the connection goes on")
	} else {
		require.Eventually(t, conn.IsClosed, patience, time.Millisecond)
	}
}

func (b broker) with(t *testing.T, change func(*url.URL)) string {
	u, err := url.Parse(b.url)
	require.NoError(t, err)
	change(u)
	return u.String()
}

func (b broker) badVhost(t *testing.T) {
	_, err := amqp.Dial(b.with(t, func(u *url.URL) { u.Path = "/" + unique() }))
	require.Equal(t, amqp.NotAllowed, codeOf(t, err))
}

func (b broker) badPassword(t *testing.T) {
	_, err := amqp.Dial(b.with(t, func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), unique()) }))
	require.Equal(t, amqp.AccessRefused, codeOf(t, err))
}

// heartbeats keep a connection on which nothing else happens for longer than either side waits for
// the other, three and two intervals.
func (b broker) heartbeats(t *testing.T) {
	conn, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: time.Second})
	require.NoError(t, err)
	select {
	case reason := <-conn.NotifyClose(make(chan *amqp.Error, 1)):
		require.Fail(t, "connection lost", "%v", reason)
	case <-time.After(4 * time.Second):
	}
	require.NoError(t, channelOf(t, conn).Close())
	require.NoError(t, conn.Close())
}
