package broker

import (
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second

func start(t testing.TB) *Broker { return startWith(t, time.Minute) }

func startWith(t testing.TB, timeout time.Duration) *Broker {
	b, err := listen("127.0.0.1:0", timeouts{handshake: timeout, write: timeout, closing: timeout})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// consumer returns a channel with a queue of its own, and what comes to that.
func newConsumer(t testing.TB, b *Broker) (conn *amqp.Connection, ch *amqp.Channel, queue string, deliveries <-chan amqp.Delivery) {
	conn, err := amqp.Dial(b.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the broker may have cut it
	ch, err = conn.Channel()
	require.NoError(t, err)
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	require.NoError(t, err)
	deliveries, err = ch.Consume(q.Name, "", true, true, false, false, nil)
	require.NoError(t, err)
	return conn, ch, q.Name, deliveries
}

func TestDropConnectionsAndClose(t *testing.T) {
	b := start(t)
	for range 10 {
		conn, _, _, _ := newConsumer(t, b)
		newConsumer(t, b)
		require.Equal(t, stack.Counts{Connections: 2, Channels: 2, Queues: 2}, b.Counts())
		lost := conn.NotifyClose(make(chan *amqp.Error, 1))
		require.Equal(t, 2, b.DropConnections())
		require.Equal(t, stack.Counts{}, b.Counts(), "all is gone immediately")
		require.NotNil(t, <-lost)
		conn, _, _, _ = newConsumer(t, b)
		require.NoError(t, conn.Close())
		require.Equal(t, stack.Counts{}, b.Counts(), "and before Close is answered")
		_, err := Listen(b.Addr())
		require.Error(t, err)
		require.NoError(t, b.Close())
		require.NoError(t, b.Close(), "a second time")
		next, err := Listen(b.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, next.Close()) })
		b = next
	}
}

// TestClientThatDoesNotRead has a client whose queue gets far more than fits into all the buffers on
// the way. It does not delay others, nor does the broker copy the queue for it, and it is cut off.
func TestClientThatDoesNotRead(t *testing.T) {
	const size = 100_000
	b := startWith(t, time.Second)
	_, ch, queue, deliveries := newConsumer(t, b)
	_, err := ch.QueueDeclare("stuck", false, false, false, false, nil)
	require.NoError(t, err)
	for range 500 {
		require.NoError(t, ch.Publish("", "stuck", false, false, amqp.Publishing{Body: make([]byte, size)}))
	}
	raw := dialRaw(t, b)
	raw.open(0)
	raw.send(1, basicConsume, fields{}.short(0).shortstr("stuck").shortstr("tag").octet(2).longstr(""))
	require.NoError(t, ch.Publish("", queue, false, false, amqp.Publishing{}))
	<-deliveries
	require.Equal(t, 2, b.Counts().Connections, "others are served meanwhile")
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for c := range b.connections {
			c.out.mu.Lock()
			require.LessOrEqual(t, len(c.out.waiting), outboxLimit+2*size)
			c.out.mu.Unlock()
		}
		return len(b.connections) == 1
	}, soon, time.Millisecond)
}

// TestSlowConsumerGetsAll has what found no room in the outbox come when there is room again.
func TestSlowConsumerGetsAll(t *testing.T) {
	_, ch, queue, deliveries := newConsumer(t, start(t))
	for i := range 300 {
		require.NoError(t, ch.Publish("", queue, false, false, amqp.Publishing{MessageId: strconv.Itoa(i), Body: make([]byte, 50_000)}))
	}
	for i := range 300 {
		require.Equal(t, strconv.Itoa(i), (<-deliveries).MessageId)
	}
}
