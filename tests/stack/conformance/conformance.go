// Package conformance says what go-store, and whoever builds on its servers, may rely on in them. It
// runs the same against a real server and against the small one that stands in for it.
package conformance

import (
	"crypto/rand"
	"net"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// patience is how long anything may take before it counts as never.
const patience = 10 * time.Second

// RabbitMQ runs the suite against the broker at url (amqp://user:password@host:port/vhost), which
// others may use at the same time: all names are of this run alone, and all is removed at its end.
func RabbitMQ(t *testing.T, url string) {
	b := broker{url}
	t.Run("Fanout", b.fanout)
	t.Run("Direct", b.direct)
	t.Run("Topic", b.topic)
	t.Run("ExchangeToExchange", b.exchangeToExchange)
	t.Run("Unbind", b.unbind)
	t.Run("RequestAndReply", b.requestAndReply)
	t.Run("ReplyToNobody", b.replyToNobody)
	t.Run("MandatoryReturn", b.mandatoryReturn)
	t.Run("Confirms", b.confirms)
	t.Run("Order", b.order)
	t.Run("Bodies", b.bodies)
	t.Run("Properties", b.properties)
	t.Run("Prefetch", b.prefetch)
	t.Run("SharedPrefetch", b.sharedPrefetch)
	t.Run("ConsumersTakeTurns", b.consumersTakeTurns)
	t.Run("BusyConsumer", b.busyConsumer)
	t.Run("RequeueOnChannelClose", b.requeueOnChannelClose)
	t.Run("RequeueOnConnectionLoss", b.requeueOnConnectionLoss)
	t.Run("NackKeepsPlace", b.nackKeepsPlace)
	t.Run("RejectDrops", b.rejectDrops)
	t.Run("Recover", b.recover)
	t.Run("AcknowledgedIsGone", b.acknowledgedIsGone)
	t.Run("GetAndPurge", b.getAndPurge)
	t.Run("ExclusiveQueue", b.exclusiveQueue)
	t.Run("AutoDeleteQueue", b.autoDeleteQueue)
	t.Run("AutoDeleteExchange", b.autoDeleteExchange)
	t.Run("DeletedQueueCancelsConsumers", b.deletedQueueCancelsConsumers)
	t.Run("ServerNames", b.serverNames)
	t.Run("Errors", b.errors)
	t.Run("BadVhost", b.badVhost)
	t.Run("BadPassword", b.badPassword)
	t.Run("Heartbeats", b.heartbeats)
}

type broker struct{ url string }

func (b broker) connect(t *testing.T) *amqp.Connection {
	conn, err := amqp.Dial(b.url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it
	return conn
}

func (b broker) channel(t *testing.T) *amqp.Channel {
	return channelOf(t, b.connect(t))
}

func channelOf(t *testing.T, conn *amqp.Connection) *amqp.Channel {
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}

// confirmed returns a channel in confirm mode.
func (b broker) confirmed(t *testing.T) *amqp.Channel {
	ch := b.channel(t)
	require.NoError(t, ch.Confirm(false))
	return ch
}

func unique() string { return "conformance-" + rand.Text() }

// ownQueue declares one that goes with the connection.
func ownQueue(t *testing.T, ch *amqp.Channel) string {
	durable, autoDelete, exclusive := false, true, true
	q, err := ch.QueueDeclare("", durable, autoDelete, exclusive, false, nil)
	require.NoError(t, err)
	return q.Name
}

// sharedQueue declares one that all connections can use, until the end of the test.
func (b broker) sharedQueue(t *testing.T) string {
	ch := b.channel(t)
	name := unique()
	_, err := ch.QueueDeclare(name, false, false, false, false, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := ch.QueueDelete(name, false, false, false)
		require.NoError(t, err)
	})
	return name
}

// exchange declares one that is there until the end of the test.
func (b broker) exchange(t *testing.T, kind string) string {
	ch := b.channel(t)
	name := unique()
	require.NoError(t, ch.ExchangeDeclare(name, kind, false, false, false, false, nil))
	t.Cleanup(func() { require.NoError(t, ch.ExchangeDelete(name, false, false)) })
	return name
}

func bind(t *testing.T, ch *amqp.Channel, queue, key, exchange string) {
	require.NoError(t, ch.QueueBind(queue, key, exchange, false, nil))
}

func consume(t *testing.T, ch *amqp.Channel, queue string, autoAck bool) <-chan amqp.Delivery {
	deliveries, err := ch.Consume(queue, "", autoAck, false, false, false, nil)
	require.NoError(t, err)
	return deliveries
}

// send publishes bodies on a channel in confirm mode and waits until the broker has them all.
func send(t *testing.T, ch *amqp.Channel, exchange, key string, bodies ...string) {
	var last *amqp.DeferredConfirmation
	for _, body := range bodies {
		confirmation, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, amqp.Publishing{Body: []byte(body)})
		require.NoError(t, err)
		last = confirmation
	}
	acknowledged(t, last)
}

func acknowledged(t *testing.T, c *amqp.DeferredConfirmation) {
	select {
	case <-c.Done():
		require.True(t, c.Acked())
	case <-time.After(patience):
		require.Fail(t, "no confirmation")
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		require.True(t, ok, "closed instead")
		return v
	case <-time.After(patience):
		require.Fail(t, "nothing received")
		panic("unreachable")
	}
}

func receiveBodies(t *testing.T, from <-chan amqp.Delivery, want ...string) (last amqp.Delivery) {
	t.Helper()
	for _, body := range want {
		last = receive(t, from)
		require.Equal(t, body, string(last.Body))
	}
	return last
}

// ready tells how many messages wait in a queue for a consumer.
func ready(t *testing.T, ch *amqp.Channel, queue string) int {
	q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
	require.NoError(t, err)
	return q.Messages
}

// readyBecomes waits: that a consumer or a connection has gone is not known everywhere at once.
func readyBecomes(t *testing.T, ch *amqp.Channel, queue string, want int) {
	t.Helper()
	require.Eventually(t, func() bool {
		q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
		return err == nil && q.Messages == want
	}, patience, 5*time.Millisecond)
}

// getBodies takes messages with basic.get, without acknowledging them.
func getBodies(t *testing.T, ch *amqp.Channel, queue string, want ...string) (got []amqp.Delivery) {
	t.Helper()
	for _, body := range want {
		d, ok, err := ch.Get(queue, false)
		require.NoError(t, err)
		require.True(t, ok, "empty instead of %q", body)
		require.Equal(t, body, string(d.Body))
		got = append(got, d)
	}
	return got
}

// codeOf is the reply code of an error of the broker's.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	var reply *amqp.Error
	require.ErrorAs(t, err, &reply)
	return reply.Code
}

// isThere asks on a channel of its own, which does not survive the answer no.
func isThere(t *testing.T, conn *amqp.Connection, ask func(*amqp.Channel) error) bool {
	t.Helper()
	ch := channelOf(t, conn)
	err := ask(ch)
	if err != nil {
		require.Equal(t, amqp.NotFound, codeOf(t, err))
		return false
	}
	require.NoError(t, ch.Close())
	return true
}

func vanishes(t *testing.T, conn *amqp.Connection, ask func(*amqp.Channel) error) {
	t.Helper()
	require.Eventually(t, func() bool { return !isThere(t, conn, ask) }, patience, 5*time.Millisecond)
}

func queueNamed(name string) func(*amqp.Channel) error {
	return func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(name, false, false, false, false, nil)
		return err
	}
}

func exchangeNamed(name string) func(*amqp.Channel) error {
	return func(ch *amqp.Channel) error {
		return ch.ExchangeDeclarePassive(name, amqp.ExchangeFanout, false, false, false, false, nil)
	}
}

// severable returns a connection that can be cut without a word to the broker.
func (b broker) severable(t *testing.T) (conn *amqp.Connection, cut func()) {
	var socket net.Conn
	dial := func(network, address string) (net.Conn, error) {
		var err error
		socket, err = amqp.DefaultDial(patience)(network, address)
		return socket, err
	}
	conn, err := amqp.DialConfig(b.url, amqp.Config{Dial: dial})
	require.NoError(t, err)
	return conn, func() { require.NoError(t, socket.Close()) }
}

func numbered(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = strconv.Itoa(i)
	}
	return bodies
}
