package conformance

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func (b broker) fanout(t *testing.T) {
	exchange := b.exchange(t, amqp.ExchangeFanout)
	var listeners []<-chan amqp.Delivery
	for range 3 {
		ch := b.channel(t)
		queue := ownQueue(t, ch)
		bind(t, ch, queue, "", exchange)
		listeners = append(listeners, consume(t, ch, queue, true))
	}
	send(t, b.confirmed(t), exchange, "any key", "one", "two")
	for _, listener := range listeners {
		require.Equal(t, exchange, receiveBodies(t, listener, "one", "two").Exchange)
	}
}

// boundTo returns what a queue receives that is bound with those keys.
func boundTo(t *testing.T, ch *amqp.Channel, exchange string, keys ...string) <-chan amqp.Delivery {
	queue := ownQueue(t, ch)
	for _, key := range keys {
		bind(t, ch, queue, key, exchange)
	}
	return consume(t, ch, queue, true)
}

func (b broker) direct(t *testing.T) {
	exchange, ch, out := b.exchange(t, amqp.ExchangeDirect), b.channel(t), b.confirmed(t)
	red := boundTo(t, ch, exchange, "red")
	both := boundTo(t, ch, exchange, "red", "blue", "red")
	for _, key := range []string{"red", "blue", "green", "red.blue", "red"} {
		send(t, out, exchange, key, key)
	}
	receiveBodies(t, red, "red", "red")
	receiveBodies(t, both, "red", "blue", "red")
}

func (b broker) topic(t *testing.T) {
	exchange, ch, out := b.exchange(t, amqp.ExchangeTopic), b.channel(t), b.confirmed(t)
	patterns := map[string][]string{
		"a.b":     {"a.b", "end"},
		"a.*":     {"a.b", "a.c", "end"},
		"*":       {"a", "end"}, // the empty key has no word
		"#":       {"a", "a.b", "a.c", "a.b.c", "x.a.b", "", "end"},
		"a.#":     {"a", "a.b", "a.c", "a.b.c", "end"},
		"#.b":     {"a.b", "x.a.b", "end"},
		"#.b.#":   {"a.b", "a.b.c", "x.a.b", "end"},
		"*.*.#.b": {"x.a.b", "end"},
	}
	listeners := map[string]<-chan amqp.Delivery{}
	for pattern := range patterns {
		listeners[pattern] = boundTo(t, ch, exchange, pattern, "last")
	}
	for _, key := range []string{"a", "a.b", "a.c", "a.b.c", "x.a.b", ""} {
		send(t, out, exchange, key, key)
	}
	send(t, out, exchange, "last", "end")
	for pattern, want := range patterns {
		t.Run(pattern, func(t *testing.T) {
			receiveBodies(t, listeners[pattern], want...)
		})
	}
}

func (b broker) exchangeToExchange(t *testing.T) {
	first, second := b.exchange(t, amqp.ExchangeDirect), b.exchange(t, amqp.ExchangeFanout)
	ch, out := b.channel(t), b.confirmed(t)
	require.NoError(t, ch.ExchangeBind(second, "through", first, false, nil))
	require.NoError(t, ch.ExchangeBind(first, "", second, false, nil)) // a cycle
	queue := ownQueue(t, ch)
	bind(t, ch, queue, "", second)
	bind(t, ch, queue, "through", first)
	listener := consume(t, ch, queue, true)
	send(t, out, first, "through", "once")
	send(t, out, first, "elsewhere", "never")
	send(t, out, second, "", "end")
	receiveBodies(t, listener, "once", "end")
	require.NoError(t, ch.ExchangeUnbind(second, "through", first, false, nil))
}

func (b broker) unbind(t *testing.T) {
	exchange, ch, out := b.exchange(t, amqp.ExchangeDirect), b.channel(t), b.confirmed(t)
	queue := ownQueue(t, ch)
	bind(t, ch, queue, "a", exchange)
	bind(t, ch, queue, "b", exchange)
	require.NoError(t, ch.QueueUnbind(queue, "a", exchange, nil))
	send(t, out, exchange, "a", "no more")
	send(t, out, exchange, "b", "still")
	receiveBodies(t, consume(t, ch, queue, true), "still")
}

// requestAndReply is how go-store locates an object.
func (b broker) requestAndReply(t *testing.T) {
	exchange := b.exchange(t, amqp.ExchangeFanout)
	server, client := b.channel(t), b.channel(t)
	requests := boundTo(t, server, exchange, "")
	replyTo := ownQueue(t, client)
	replies := consume(t, client, replyTo, true)
	id := string([]byte{0, 1, 0xfe, 0xff, 'x', 0x80}) // not UTF-8
	request := amqp.Publishing{ReplyTo: replyTo, CorrelationId: id, Body: []byte("where?")}
	require.NoError(t, client.Publish(exchange, "", false, false, request))

	got := receive(t, requests)
	require.Equal(t, replyTo, got.ReplyTo)
	require.NoError(t, server.Publish("", got.ReplyTo, false, false, amqp.Publishing{CorrelationId: got.CorrelationId, Body: []byte("here")}))
	reply := receiveBodies(t, replies, "here")
	require.Equal(t, id, reply.CorrelationId)
}

// replyToNobody: a reply that comes too late, when its queue is gone, does no harm.
func (b broker) replyToNobody(t *testing.T) {
	ch := b.confirmed(t)
	send(t, ch, "", unique(), "too late")
	queue := ownQueue(t, ch)
	send(t, ch, "", queue, "in time")
	getBodies(t, ch, queue, "in time")
}

func (b broker) mandatoryReturn(t *testing.T) {
	ch, missing := b.confirmed(t), unique()
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	confirmation, err := ch.PublishWithDeferredConfirm("", missing, true, false, amqp.Publishing{MessageId: "m1", Body: []byte("back")})
	require.NoError(t, err)
	acknowledged(t, confirmation)
	returned := receive(t, returns)
	require.Equal(t, uint16(amqp.NoRoute), returned.ReplyCode)
	require.Equal(t, "NO_ROUTE", returned.ReplyText)
	require.Equal(t, missing, returned.RoutingKey)
	require.Equal(t, "m1", returned.MessageId)
	require.Equal(t, "back", string(returned.Body))

	queue := ownQueue(t, ch)
	confirmation, err = ch.PublishWithDeferredConfirm("", queue, true, false, amqp.Publishing{Body: []byte("there")})
	require.NoError(t, err)
	acknowledged(t, confirmation)
	require.Empty(t, returns)
}

func (b broker) confirms(t *testing.T) {
	ch, other := b.confirmed(t), b.channel(t)
	queue := b.sharedQueue(t)
	var all []*amqp.DeferredConfirmation
	for _, body := range numbered(200) {
		confirmation, err := ch.PublishWithDeferredConfirm("", queue, false, false, amqp.Publishing{Body: []byte(body)})
		require.NoError(t, err)
		all = append(all, confirmation)
	}
	for i, confirmation := range all {
		acknowledged(t, confirmation)
		require.Equal(t, uint64(i+1), confirmation.DeliveryTag)
	}
	require.Equal(t, 200, ready(t, other, queue))
}
