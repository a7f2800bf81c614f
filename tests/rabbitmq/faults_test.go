package rabbitmq

import (
	"context"
	"log/slog"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/tests/stack"
)

// awaitReply asks until the one client that is there answers.
func awaitReply(t *testing.T, asker *rabbitmq.Client) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		answers, err := asker.Request(ctx, "ask", []byte("x"))
		if err != nil {
			return false
		}
		select {
		case answer := <-answers:
			return string(answer.Body) == "x from a"
		case <-ctx.Done():
			return false
		}
	}, timeout, time.Millisecond)
}

// Whatever ends a subscription, the client subscribes again.
func TestSubscriptionThatTheBrokerEnds(t *testing.T) {
	for name, end := range map[string]func(*proxy, *testing.T){
		"cancel":  (*proxy).cancelConsumer,
		"channel": (*proxy).closeChannel,
	} {
		t.Run(name, func(t *testing.T) {
			b := startBroker(t, "127.0.0.1:0")
			p := startProxy(t, b.URL(), b.Addr())
			asker, answerer := newClient(t, b.URL(), "", silent), newClient(t, p.url, "", echo(t, "a"))
			awaitUp(t, asker, answerer)
			awaitReply(t, asker)
			ended := time.Now()
			end(p, t)
			awaitUpSince(t, ended, answerer)
			awaitReply(t, asker)
		})
	}
}

// An operator deletes the exchange; nothing tells its subscribers.
func TestExchangeIsDeleted(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	asker, answerer := newClient(t, b.URL(), "", silent), newClient(t, b.URL(), "", echo(t, "a"))
	awaitUp(t, asker, answerer)
	awaitReply(t, asker)
	for range 3 {
		require.NoError(t, stack.DeleteExchanges(b.URL(), "ask"))
		awaitReply(t, asker)
	}
}

// Many readers of the book have declared its exchanges by hand, durable.
func TestExchangeThatIsDurable(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	conn, err := amqp.Dial(b.URL())
	require.NoError(t, err)
	defer conn.Close() // answered
	channel, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, channel.ExchangeDeclare("ask", "fanout", true, false, false, false, nil))
	asker, answerer := newClient(t, b.URL(), "", silent), newClient(t, b.URL(), "", echo(t, "a"))
	awaitUp(t, asker, answerer)
	awaitReply(t, asker)
	up, err := asker.Since()
	require.NoError(t, err)
	require.NoError(t, asker.Broadcast(t.Context(), "ask", nil))
	awaitReply(t, asker)
	still, err := asker.Since()
	require.NoError(t, err)
	require.Equal(t, up, still, "one connection served all")
}

// A broker in an alarm, of its memory or its disk, reads nothing of those who publish.
func TestAlarm(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	p := startProxy(t, b.URL(), b.Addr())
	asker := newClient(t, p.url, "", silent)
	awaitUp(t, asker, newClient(t, b.URL(), "", echo(t, "a")))
	awaitReply(t, asker)
	p.block(t, "low on memory")
	require.Eventually(t, func() bool { _, blocked := asker.Blocked(); return blocked }, timeout, time.Millisecond)
	reason, _ := asker.Blocked()
	require.Equal(t, "low on memory", reason)
	const want = "the message broker accepts no messages because of an alarm: low on memory"
	_, err := asker.Since()
	require.EqualError(t, err, want)
	require.ErrorIs(t, err, rabbitmq.ErrUnreachable)
	require.EqualError(t, asker.Broadcast(t.Context(), "ask", nil), want)
	_, err = asker.Request(t.Context(), "ask", nil)
	require.EqualError(t, err, want)
	unblocked := time.Now()
	p.unblock(t)
	awaitUpSince(t, unblocked, asker) // the others could not send either
	awaitReply(t, asker)
	_, blocked := asker.Blocked()
	require.False(t, blocked)
}

func TestStopDuringAlarm(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	p := startProxy(t, b.URL(), b.Addr())
	c, err := rabbitmq.New(p.url, "", nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	c.Subscribe("ask", func(context.Context, rabbitmq.Message) {})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { c.Run(ctx); close(ended) }()
	awaitUp(t, c)
	p.block(t, "low on memory")
	for range 100 { // more than the client sends before it knows of the alarm
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_ = c.Broadcast(ctx, "other", make([]byte, 100_000)) // it may be sent or not
		cancel()
	}
	stop()
	select {
	case <-ended:
	case <-time.After(timeout):
		p.release()
		require.Fail(t, "Run does not return")
	}
}
