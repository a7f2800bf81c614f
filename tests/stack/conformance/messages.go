package conformance

import (
	"bytes"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func (b broker) order(t *testing.T) {
	in, out := b.channel(t), b.confirmed(t)
	queue := b.sharedQueue(t)
	listener := consume(t, in, queue, true)
	bodies := numbered(1000)
	send(t, out, "", queue, bodies...)
	receiveBodies(t, listener, bodies...)
}

// bodies of all sizes about what fits into one frame, and of many frames.
func (b broker) bodies(t *testing.T) {
	conn := b.connect(t)
	in, out := channelOf(t, conn), b.confirmed(t)
	queue := b.sharedQueue(t)
	listener := consume(t, in, queue, true)
	room := conn.Config.FrameSize - 8
	for _, size := range []int{0, 1, room - 1, room, room + 1, 2 * room, 1 << 20, 5<<20 + 1} {
		body := bytes.Repeat([]byte("0123456789\x00\xce"), size/12+1)[:size]
		require.NoError(t, out.Publish("", queue, false, false, amqp.Publishing{Body: body}))
		got := receive(t, listener)
		require.Equal(t, size, len(got.Body))
		require.True(t, bytes.Equal(body, got.Body), "%d bytes", size)
	}
}

func (b broker) properties(t *testing.T) {
	ch := b.channel(t)
	queue := ownQueue(t, ch)
	listener := consume(t, ch, queue, true)
	then := time.Unix(1700000000, 0)
	sent := amqp.Publishing{
		ContentType: "text/plain", ContentEncoding: "identity", DeliveryMode: amqp.Persistent, Priority: 7,
		CorrelationId: "\x00\xff", ReplyTo: "reply", MessageId: "id", Timestamp: then,
		Type: "type", UserId: "", AppId: "app", Headers: everyHeader(then), Body: []byte("body"),
	}
	require.NoError(t, ch.Publish("", queue, false, false, sent))
	got := receive(t, listener)
	require.Equal(t, sent.Headers, got.Headers)
	received := amqp.Publishing{
		ContentType: got.ContentType, ContentEncoding: got.ContentEncoding, DeliveryMode: got.DeliveryMode, Priority: got.Priority,
		CorrelationId: got.CorrelationId, ReplyTo: got.ReplyTo, MessageId: got.MessageId, Timestamp: got.Timestamp,
		Type: got.Type, UserId: got.UserId, AppId: got.AppId, Headers: got.Headers, Body: got.Body,
	}
	require.Equal(t, sent, received)
}

func everyHeader(then time.Time) amqp.Table {
	return amqp.Table{
		"bool": true, "byte": uint8(200), "int8": int8(-3), "int16": int16(-300), "int32": int32(-70000), "int64": int64(-1 << 40),
		"float32": float32(1.5), "float64": 2.5, "decimal": amqp.Decimal{Scale: 2, Value: 314}, "string": "größe",
		"bytes": []byte{0, 1, 2}, "time": then, "nil": nil, "table": amqp.Table{"nested": amqp.Table{"deep": "er"}},
		"array": []any{"a", int32(1), []any{true, nil}, amqp.Table{"k": "v"}},
	}
}

func (b broker) prefetch(t *testing.T) {
	in, out := b.channel(t), b.confirmed(t)
	queue := b.sharedQueue(t)
	send(t, out, "", queue, "1", "2", "3", "4", "5")
	require.NoError(t, in.Qos(2, 0, false))
	listener := consume(t, in, queue, false)
	second := receiveBodies(t, listener, "1", "2")
	require.Equal(t, 3, ready(t, out, queue), "no more than two are under way")
	require.NoError(t, second.Ack(true))
	last := receiveBodies(t, listener, "3", "4")
	require.Equal(t, 1, ready(t, out, queue))
	require.NoError(t, last.Nack(false, false))
	receiveBodies(t, listener, "5")
}

func (b broker) sharedPrefetch(t *testing.T) {
	in, out := b.channel(t), b.confirmed(t)
	one, two := b.sharedQueue(t), b.sharedQueue(t)
	require.NoError(t, in.Qos(1, 0, true))
	first, second := consume(t, in, one, false), consume(t, in, two, false)
	send(t, out, "", one, "a")
	got := receiveBodies(t, first, "a")
	send(t, out, "", two, "b")
	require.Equal(t, 1, ready(t, out, two), "both share a window of one")
	require.NoError(t, got.Ack(false))
	receiveBodies(t, second, "b")
}

func (b broker) consumersTakeTurns(t *testing.T) {
	ch, out, queue := b.channel(t), b.confirmed(t), b.sharedQueue(t)
	one, two := consume(t, ch, queue, true), consume(t, ch, queue, true)
	send(t, out, "", queue, "1", "2", "3", "4")
	got := []string{}
	for _, listener := range []<-chan amqp.Delivery{one, two, one, two} {
		got = append(got, string(receive(t, listener).Body))
	}
	require.ElementsMatch(t, []string{"1", "2", "3", "4"}, got)
}

// busyConsumer: one whose window is full is passed over.
func (b broker) busyConsumer(t *testing.T) {
	out, queue := b.confirmed(t), b.sharedQueue(t)
	var listeners []<-chan amqp.Delivery
	for range 2 {
		ch := b.channel(t)
		require.NoError(t, ch.Qos(1, 0, false))
		listeners = append(listeners, consume(t, ch, queue, false))
	}
	send(t, out, "", queue, "1", "2", "3")
	first, second := receive(t, listeners[0]), receive(t, listeners[1])
	require.ElementsMatch(t, []string{"1", "2"}, []string{string(first.Body), string(second.Body)})
	require.NoError(t, first.Ack(false))
	receiveBodies(t, listeners[0], "3")
}

func (b broker) requeueOnChannelClose(t *testing.T) {
	conn, out := b.connect(t), b.confirmed(t)
	in, queue := channelOf(t, conn), b.sharedQueue(t)
	send(t, out, "", queue, "1", "2", "3", "4")
	require.NoError(t, in.Qos(3, 0, false))
	got := receiveBodies(t, consume(t, in, queue, false), "1")
	require.False(t, got.Redelivered)
	require.NoError(t, in.Close())
	readyBecomes(t, out, queue, 4)
	for i, d := range getBodies(t, channelOf(t, conn), queue, "1", "2", "3", "4") {
		require.Equal(t, i < 3, d.Redelivered, "message %s", d.Body)
	}
}

func (b broker) requeueOnConnectionLoss(t *testing.T) {
	conn, cut := b.severable(t)
	out, queue := b.confirmed(t), b.sharedQueue(t)
	send(t, out, "", queue, "1", "2", "3")
	receiveBodies(t, consume(t, channelOf(t, conn), queue, false), "1", "2", "3")
	own := ownQueue(t, channelOf(t, conn))
	cut()
	other := b.connect(t)
	readyBecomes(t, out, queue, 3)
	for _, d := range getBodies(t, channelOf(t, other), queue, "1", "2", "3") {
		require.True(t, d.Redelivered)
	}
	vanishes(t, other, queueNamed(own))
}

func (b broker) nackKeepsPlace(t *testing.T) {
	in, out := b.channel(t), b.confirmed(t)
	queue := b.sharedQueue(t)
	send(t, out, "", queue, "1", "2", "3", "4")
	got := getBodies(t, in, queue, "1", "2", "3")
	require.NoError(t, got[1].Nack(false, true))
	readyBecomes(t, out, queue, 2)
	require.NoError(t, got[0].Reject(true))
	readyBecomes(t, out, queue, 3)
	require.NoError(t, got[2].Nack(true, true))
	readyBecomes(t, out, queue, 4)
	getBodies(t, in, queue, "1", "2", "3", "4")
}

func (b broker) rejectDrops(t *testing.T) {
	in, out := b.channel(t), b.confirmed(t)
	queue := b.sharedQueue(t)
	send(t, out, "", queue, "1", "2", "3", "4")
	got := getBodies(t, in, queue, "1", "2", "3")
	require.NoError(t, got[0].Reject(false))
	require.NoError(t, got[2].Nack(true, false))
	require.NoError(t, in.Close())
	require.Equal(t, 1, ready(t, out, queue))
}

func (b broker) recover(t *testing.T) {
	in, out := b.channel(t), b.confirmed(t)
	queue := b.sharedQueue(t)
	send(t, out, "", queue, "1", "2")
	getBodies(t, in, queue, "1", "2")
	require.NoError(t, in.Recover(true)) //nolint:staticcheck // deprecated, and still answered
	readyBecomes(t, out, queue, 2)
	for _, d := range getBodies(t, in, queue, "1", "2") {
		require.True(t, d.Redelivered)
	}
}

func (b broker) acknowledgedIsGone(t *testing.T) {
	conn, out := b.connect(t), b.confirmed(t)
	in, queue := channelOf(t, conn), b.sharedQueue(t)
	send(t, out, "", queue, "1", "2", "3", "4")
	got := getBodies(t, in, queue, "1", "2", "3", "4")
	require.NoError(t, got[1].Ack(true))
	require.NoError(t, got[3].Ack(false))
	require.NoError(t, in.Close())
	readyBecomes(t, out, queue, 1)
	getBodies(t, channelOf(t, conn), queue, "3")
}

func (b broker) getAndPurge(t *testing.T) {
	ch := b.confirmed(t)
	queue := b.sharedQueue(t)
	_, ok, err := ch.Get(queue, true)
	require.NoError(t, err)
	require.False(t, ok)
	send(t, ch, "", queue, "1", "2", "3")
	d, ok, err := ch.Get(queue, true)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "1", string(d.Body))
	require.Equal(t, uint32(2), d.MessageCount)
	purged, err := ch.QueuePurge(queue, false)
	require.NoError(t, err)
	require.Equal(t, 2, purged)
	require.Zero(t, ready(t, ch, queue))
}
