// Package conformance has what go-store relies on in RabbitMQ and Elasticsearch, as tests that run
// against the embedded servers and against real ones.
package conformance

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"gostore/tests/stack/broker"
)

const timeout = 10 * time.Second

func TestEmbeddedRabbitMQ(t *testing.T) {
	b, err := broker.Listen("127.0.0.1:0")
	require.NoError(t, err)
	testRabbitMQ(t, b.URL())
	require.NoError(t, b.Close())
}

func TestRabbitMQ(t *testing.T) { testRabbitMQ(t, realServers(t, true).RabbitMQ) }

// testRabbitMQ leaves the broker as it was, also if others use it.
func testRabbitMQ(t *testing.T, url string) {
	b := rabbitMQ{url}
	t.Run("RequestAndReply", b.requestAndReply)
	t.Run("BodiesInOrder", b.bodiesInOrder)
	t.Run("Properties", b.properties)
	t.Run("ExclusiveQueue", b.exclusiveQueue)
	t.Run("AutoDeleteQueue", b.autoDeleteQueue)
	t.Run("DeletedQueueCancelsConsumers", b.deletedQueueCancelsConsumers)
	t.Run("Errors", b.errors)
	t.Run("Logins", b.logins)
	t.Run("Heartbeats", b.heartbeats)
}

type rabbitMQ struct{ url string }

// connect returns a connection, and how to cut it without a word to the broker.
func (b rabbitMQ) connect(t *testing.T, heartbeat time.Duration) (conn *amqp.Connection, cut func()) {
	var socket net.Conn
	conn, err := amqp.DialConfig(b.url, amqp.Config{Heartbeat: heartbeat, Dial: func(network, address string) (_ net.Conn, err error) {
		socket, err = amqp.DefaultDial(timeout)(network, address)
		return socket, err
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it
	return conn, func() { require.NoError(t, socket.Close()) }
}

func channelOf(t *testing.T, conn *amqp.Connection) *amqp.Channel {
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}

func (b rabbitMQ) channel(t *testing.T) *amqp.Channel {
	conn, _ := b.connect(t, timeout)
	return channelOf(t, conn)
}

// ownQueue declares one that is deleted with the connection, and returns what comes to it.
func ownQueue(t *testing.T, ch *amqp.Channel) (name string, deliveries <-chan amqp.Delivery) {
	durable, autoDelete, exclusive := false, true, true
	q, err := ch.QueueDeclare("", durable, autoDelete, exclusive, false, nil)
	require.NoError(t, err)
	require.Regexp(t, `^amq\.gen-.`, q.Name)
	autoAck := true
	deliveries, err = ch.Consume(q.Name, "", autoAck, exclusive, false, false, nil)
	require.NoError(t, err)
	return q.Name, deliveries
}

// names makes a queue and a fanout exchange that all can use, until the end of the test.
func (b rabbitMQ) names(t *testing.T) (ch *amqp.Channel, queue, exchange string) {
	ch, queue, exchange = b.channel(t), "conformance-"+rand.Text(), "conformance-"+rand.Text()
	_, err := ch.QueueDeclare(queue, false, false, false, false, nil)
	require.NoError(t, err)
	require.NoError(t, ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, false, false, false, false, nil))
	t.Cleanup(func() {
		ch := b.channel(t)
		_, err := ch.QueueDelete(queue, false, false, false)
		require.NoError(t, err)
		require.NoError(t, ch.ExchangeDelete(exchange, false, false))
	})
	return ch, queue, exchange
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		require.True(t, ok, "closed instead")
		return v
	case <-time.After(timeout):
		require.Fail(t, "nothing received")
		panic("unreachable")
	}
}

// requestAndReply is how go-store locates an object: a request to all that listen, a reply from each,
// and one that comes too late.
func (b rabbitMQ) requestAndReply(t *testing.T) {
	client, _, exchange := b.names(t)
	replyTo, replies := ownQueue(t, client)
	id := "\x00\x01\xfe\xffx\x80" // not UTF-8
	const services = 3
	for i := range services {
		ch := b.channel(t)
		queue, requests := ownQueue(t, ch)
		require.NoError(t, ch.QueueBind(queue, "", exchange, false, nil))
		require.NoError(t, ch.QueueBind(queue, "twice", exchange, false, nil))
		go func() {
			for r := range requests { // until the connection is closed
				body := fmt.Sprintf("%d %t %s", i, r.Exchange == exchange, r.Body)
				_ = ch.Publish("", r.ReplyTo+" is gone", false, false, amqp.Publishing{})
				_ = ch.Publish("", r.ReplyTo, false, false, amqp.Publishing{CorrelationId: r.CorrelationId, Body: []byte(body)})
			}
		}()
	}
	require.NoError(t, client.Publish(exchange, "any key", false, false, amqp.Publishing{ReplyTo: replyTo, CorrelationId: id, Body: []byte("where?")}))
	var got []string
	for range services {
		reply := receive(t, replies)
		require.Equal(t, id, reply.CorrelationId)
		got = append(got, string(reply.Body))
	}
	require.ElementsMatch(t, []string{"0 true where?", "1 true where?", "2 true where?"}, got)
}

// bodiesInOrder has bodies of all sizes about that of a frame, and of many frames.
func (b rabbitMQ) bodiesInOrder(t *testing.T) {
	ch := b.channel(t)
	queue, deliveries := ownQueue(t, ch)
	const room = 131072 - 8
	sizes := []int{0, 1, room - 1, room, room + 1, 2 * room, 1 << 20, 5<<20 + 1, 0, 2}
	body := bytes.Repeat([]byte("0123456789\x00\xce"), 5<<20/12+1)
	for _, size := range sizes {
		require.NoError(t, ch.Publish("", queue, false, false, amqp.Publishing{Body: body[:size]}))
	}
	for _, size := range sizes {
		require.True(t, bytes.Equal(body[:size], receive(t, deliveries).Body), "%d bytes", size)
	}
}

func (b rabbitMQ) properties(t *testing.T) {
	ch := b.channel(t)
	queue, deliveries := ownQueue(t, ch)
	sent := amqp.Publishing{ContentType: "text/plain", DeliveryMode: amqp.Persistent, Priority: 7, CorrelationId: "c", ReplyTo: "r", MessageId: "id",
		Timestamp: time.Unix(1700000000, 0), Headers: amqp.Table{"text": "größe", "table": amqp.Table{"list": []any{int32(1), nil}}}}
	require.NoError(t, ch.Publish("", queue, false, false, sent))
	got := receive(t, deliveries)
	require.Equal(t, sent, amqp.Publishing{ContentType: got.ContentType, DeliveryMode: got.DeliveryMode, Priority: got.Priority,
		CorrelationId: got.CorrelationId, ReplyTo: got.ReplyTo, MessageId: got.MessageId, Timestamp: got.Timestamp, Headers: got.Headers})
}

// vanishes waits until a queue is gone.
func (b rabbitMQ) vanishes(t *testing.T, queue string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := b.channel(t).QueueDeclarePassive(queue, false, false, false, false, nil)
		return err != nil && err.(*amqp.Error).Code == amqp.NotFound
	}, timeout, 5*time.Millisecond)
}

func (b rabbitMQ) exclusiveQueue(t *testing.T) {
	conn, cut := b.connect(t, timeout)
	queue, deliveries := ownQueue(t, channelOf(t, conn))
	b.isRefused(t, amqp.ResourceLocked, "another's", func(ch *amqp.Channel) { _, _ = ch.Consume(queue, "", true, false, false, false, nil) })
	require.NoError(t, b.channel(t).Publish("", queue, false, false, amqp.Publishing{Body: []byte("publishing is for all")}))
	require.Equal(t, "publishing is for all", string(receive(t, deliveries).Body))
	cut()
	b.vanishes(t, queue)
}

func (b rabbitMQ) autoDeleteQueue(t *testing.T) {
	ch := b.channel(t)
	durable, autoDelete, exclusive := false, true, false
	q, err := ch.QueueDeclare("", durable, autoDelete, exclusive, false, nil)
	require.NoError(t, err)
	for _, tag := range []string{"one", "two"} {
		_, err := ch.Consume(q.Name, tag, true, false, false, false, nil)
		require.NoError(t, err)
	}
	require.NoError(t, ch.Cancel("one", false))
	q, err = ch.QueueDeclarePassive(q.Name, durable, autoDelete, exclusive, false, nil)
	require.NoError(t, err)
	require.Equal(t, 1, q.Consumers)
	require.NoError(t, ch.Cancel("two", false))
	b.vanishes(t, q.Name)
}

func (b rabbitMQ) deletedQueueCancelsConsumers(t *testing.T) {
	ch := b.channel(t)
	queue, deliveries := ownQueue(t, ch)
	cancelled := ch.NotifyCancel(make(chan string, 1))
	_, err := ch.QueueDelete(queue, false, false, false)
	require.NoError(t, err)
	require.NotEmpty(t, receive(t, cancelled))
	_, more := <-deliveries
	require.False(t, more)
}

// errors close the channel with the code that is due.
func (b rabbitMQ) errors(t *testing.T) {
	_, queue, exchange := b.names(t)
	missing := "conformance-" + rand.Text()
	b.isRefused(t, amqp.NotFound, "no queue", func(ch *amqp.Channel) { _, _ = ch.Consume(missing, "", true, false, false, false, nil) })
	b.isRefused(t, amqp.NotFound, "no queue, passive", func(ch *amqp.Channel) { _, _ = ch.QueueDeclarePassive(missing, false, false, false, false, nil) })
	b.isRefused(t, amqp.NotFound, "no exchange, passive", func(ch *amqp.Channel) {
		_ = ch.ExchangeDeclarePassive(missing, "fanout", false, false, false, false, nil)
	})
	b.isRefused(t, amqp.NotFound, "bind", func(ch *amqp.Channel) { _ = ch.QueueBind(queue, "", missing, false, nil) })
	b.isRefused(t, amqp.NotFound, "publish", func(ch *amqp.Channel) { _ = ch.Publish(missing, "", false, false, amqp.Publishing{}) })
	b.isRefused(t, amqp.PreconditionFailed, "durable", func(ch *amqp.Channel) { _, _ = ch.QueueDeclare(queue, true, false, false, false, nil) })
	b.isRefused(t, amqp.PreconditionFailed, "durable exchange", func(ch *amqp.Channel) { _ = ch.ExchangeDeclare(exchange, "fanout", true, false, false, false, nil) })
	b.isRefused(t, amqp.PreconditionFailed, "type", func(ch *amqp.Channel) { _ = ch.ExchangeDeclare(exchange, "direct", false, false, false, false, nil) })
	b.isRefused(t, amqp.AccessRefused, "reserved", func(ch *amqp.Channel) { _, _ = ch.QueueDeclare("amq."+missing, false, false, false, false, nil) })
	b.isRefused(t, amqp.AccessRefused, "default exchange", func(ch *amqp.Channel) { _ = ch.QueueBind(queue, "", "", false, nil) })
}

// isRefused looks at what the channel is closed with, since not every call waits for that. The
// connection goes on.
func (b rabbitMQ) isRefused(t *testing.T, code int, name string, do func(*amqp.Channel)) {
	conn, _ := b.connect(t, timeout)
	ch := channelOf(t, conn)
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	do(ch)
	require.Equal(t, code, receive(t, closed).Code, name)
	require.NoError(t, channelOf(t, conn).Close(), name)
}

func (b rabbitMQ) logins(t *testing.T) {
	u, err := url.Parse(b.url)
	require.NoError(t, err)
	noVhost, wrong := *u, *u
	noVhost.Path, wrong.User = "/no-such-vhost", url.UserPassword(u.User.Username(), "wrong")
	_, err = amqp.Dial(noVhost.String())
	require.ErrorContains(t, err, "530")
	_, err = amqp.Dial(wrong.String())
	require.ErrorContains(t, err, "403")
}

// heartbeats keep an idle connection for longer than either side waits for the other.
func (b rabbitMQ) heartbeats(t *testing.T) {
	conn, _ := b.connect(t, time.Second)
	select {
	case reason := <-conn.NotifyClose(make(chan *amqp.Error, 1)):
		require.Fail(t, "connection lost", "%v", reason)
	case <-time.After(4 * time.Second):
	}
	require.NoError(t, channelOf(t, conn).Close())
}
