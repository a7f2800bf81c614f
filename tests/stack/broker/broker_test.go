package broker

import (
	"bytes"
	"net"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second // by when whatever has to happen must have

func start(t testing.TB) *Broker { return startPatient(t, time.Minute) }

func startPatient(t testing.TB, patient time.Duration) *Broker {
	b, err := listen("127.0.0.1:0", patience{handshake: patient, write: patient, closing: patient})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func dial(t testing.TB, b *Broker) (*amqp.Connection, *amqp.Channel) {
	conn, err := amqp.Dial(b.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the broker may have cut it
	ch, err := conn.Channel()
	require.NoError(t, err)
	return conn, ch
}

func ownQueue(t testing.TB, ch *amqp.Channel) string {
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	require.NoError(t, err)
	return q.Name
}

func TestCounts(t *testing.T) {
	b := start(t)
	require.Equal(t, stack.Counts{}, b.Counts())
	conn, ch := dial(t, b)
	ownQueue(t, ch)
	ownQueue(t, ch)
	_, err := conn.Channel()
	require.NoError(t, err)
	require.Equal(t, stack.Counts{Connections: 1, Channels: 2, Queues: 2}, b.Counts())
	require.NoError(t, conn.Close())
	require.Equal(t, stack.Counts{}, b.Counts(), "all is gone by the time that Close is answered")
}

func TestDropConnections(t *testing.T) {
	b := start(t)
	for range 20 {
		conn, ch := dial(t, b)
		lost := conn.NotifyClose(make(chan *amqp.Error, 1))
		ownQueue(t, ch)
		for range 9 {
			dial(t, b)
		}
		require.Equal(t, 10, b.DropConnections())
		require.Equal(t, stack.Counts{}, b.Counts(), "all is gone at once")
		require.NotNil(t, <-lost)
	}
	require.Zero(t, b.DropConnections())
}

func TestCloseFreesThePort(t *testing.T) {
	b := start(t)
	for range 20 {
		conn, _ := dial(t, b)
		lost := conn.NotifyClose(make(chan *amqp.Error, 1))
		require.NoError(t, b.Close())
		<-lost //nolint:errcheck // when it comes, not what it says
		next, err := Listen(b.Addr())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, next.Close()) })
		b = next
	}
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "a second time")
	_, err := net.Dial("tcp", b.Addr())
	require.Error(t, err)
}

func TestListenOnTakenPort(t *testing.T) {
	_, err := Listen(start(t).Addr())
	require.Error(t, err)
}

// TestCloseUnderLoad closes the broker while clients publish and consume as fast as they can.
func TestCloseUnderLoad(t *testing.T) {
	b := start(t)
	conn, ch := dial(t, b)
	queue := ownQueue(t, ch)
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	require.NoError(t, err)
	lost := conn.NotifyClose(make(chan *amqp.Error, 1))
	ended := make(chan int)
	go func() {
		sent := 0
		for ch.Publish("", queue, false, false, amqp.Publishing{Body: make([]byte, 1000)}) == nil {
			sent++
		}
		ended <- sent
	}()
	for range 1000 {
		require.NoError(t, (<-deliveries).Ack(false))
	}
	require.NoError(t, b.Close())
	require.GreaterOrEqual(t, <-ended, 1000)
	require.NotNil(t, <-lost)
	for range deliveries { // closed by the client library
	}
}

// TestClientThatDoesNotRead has a client ask for far more than fits into all the buffers on the way,
// and not read. It must neither hold up others nor have the broker copy the queue for it.
func TestClientThatDoesNotRead(t *testing.T) {
	get := appendMethod(nil, 1, basicGet, fields{}.short(0).shortstr("stuck").octet(0))
	t.Run("consume", func(t *testing.T) {
		testStuckClient(t, appendMethod(nil, 1, basicConsume, fields{}.short(0).shortstr("stuck").shortstr("tag").octet(0).table(nil)))
	})
	t.Run("get", func(t *testing.T) { testStuckClient(t, bytes.Repeat(get, 500)) })
}

func testStuckClient(t *testing.T, ask []byte) {
	const size, count = 100_000, 500
	b := startPatient(t, time.Second)
	_, ch := dial(t, b)
	_, err := ch.QueueDeclare("stuck", false, false, false, false, nil)
	require.NoError(t, err)
	for range count {
		require.NoError(t, ch.Publish("", "stuck", false, false, amqp.Publishing{Body: make([]byte, size)}))
	}
	raw := dialRaw(t, b)
	raw.open(0)
	raw.write(ask)

	require.Equal(t, 2, b.Counts().Connections)
	queue := ownQueue(t, ch)
	require.NoError(t, ch.Publish("", queue, false, false, amqp.Publishing{}))
	_, ok, err := ch.Get(queue, true)
	require.NoError(t, err)
	require.True(t, ok, "others go on")

	most := 0
	require.Eventually(t, func() bool {
		most = max(most, mostWaiting(b))
		return b.Counts().Connections == 1
	}, soon, time.Millisecond, "it is cut off")
	require.LessOrEqual(t, most, outboxLimit+2*size)
	q, err := ch.QueueDeclarePassive("stuck", false, false, false, false, nil)
	require.NoError(t, err)
	require.Equal(t, count, q.Messages, "nothing was lost")
}

func mostWaiting(b *Broker) (bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.connections {
		c.out.mu.Lock()
		bytes = max(bytes, len(c.out.waiting))
		c.out.mu.Unlock()
	}
	return bytes
}

// TestSlowConsumerGetsAll: what found no room in the outbox comes when there is room again.
func TestSlowConsumerGetsAll(t *testing.T) {
	b := start(t)
	_, ch := dial(t, b)
	queue := ownQueue(t, ch)
	for i := range 300 {
		require.NoError(t, ch.Publish("", queue, false, false, amqp.Publishing{MessageId: strconv.Itoa(i), Body: make([]byte, 50_000)}))
	}
	deliveries, err := ch.Consume(queue, "", true, false, false, false, nil)
	require.NoError(t, err)
	for i := range 300 {
		require.Equal(t, strconv.Itoa(i), (<-deliveries).MessageId)
	}
}

// locating is the traffic of go-store: a request to all data services, and a reply from each.
func locating(t testing.TB, b *Broker, services int) (locate func()) {
	_, client := dial(t, b)
	require.NoError(t, client.ExchangeDeclare("dataServers", amqp.ExchangeFanout, false, false, false, false, nil))
	for range services {
		_, ch := dial(t, b)
		queue := ownQueue(t, ch)
		require.NoError(t, ch.QueueBind(queue, "", "dataServers", false, nil))
		requests, err := ch.Consume(queue, "", true, false, false, false, nil)
		require.NoError(t, err)
		go func() {
			for r := range requests {
				reply := amqp.Publishing{CorrelationId: r.CorrelationId, Body: []byte("localhost:12345")}
				_ = ch.Publish("", r.ReplyTo, false, false, reply) // the broker ends before this does
			}
		}()
	}
	replyTo := ownQueue(t, client)
	replies, err := client.Consume(replyTo, "", true, false, false, false, nil)
	require.NoError(t, err)
	request := amqp.Publishing{ReplyTo: replyTo, CorrelationId: "1", Body: make([]byte, 44)}
	return func() {
		require.NoError(t, client.Publish("dataServers", "", false, false, request))
		for range services {
			<-replies
		}
	}
}

// BenchmarkLocate is one request to six services and their six replies.
func BenchmarkLocate(b *testing.B) {
	locate := locating(b, start(b), 6)
	for b.Loop() {
		locate()
	}
}
