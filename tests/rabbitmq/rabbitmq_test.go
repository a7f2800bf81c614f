// Package rabbitmq tests gostore/common/rabbitmq with a broker that can be stopped. It is here and
// not beside the code because common must not depend on tests.
package rabbitmq

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/common/requestid"
	"gostore/tests/stack/broker"
)

const timeout = 5 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startBroker(t *testing.T, address string) *broker.Broker {
	b, err := broker.Listen(address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// newClient returns a client that setUp has subscribed with, and that runs until the end of the
// test.
func newClient(t *testing.T, url, prefix string, setUp func(c *rabbitmq.Client)) *rabbitmq.Client {
	c, err := rabbitmq.New(url, prefix, nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	setUp(c)
	return runUntilEnd(t, c)
}

func runUntilEnd(t *testing.T, c *rabbitmq.Client) *rabbitmq.Client {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return c
}

func awaitUp(t *testing.T, clients ...*rabbitmq.Client) {
	t.Helper()
	awaitUpSince(t, time.Time{}, clients...)
}

// awaitUpSince waits until clients are connected anew, after a moment.
func awaitUpSince(t *testing.T, moment time.Time, clients ...*rabbitmq.Client) {
	t.Helper()
	for _, c := range clients {
		require.Eventually(t, func() bool {
			since, err := c.Since()
			return err == nil && since.After(moment)
		}, timeout, time.Millisecond)
	}
}

func silent(*rabbitmq.Client) {}

// echo answers every request on exchange "ask" with what was asked and its own name.
func echo(t *testing.T, name string) func(c *rabbitmq.Client) {
	return func(c *rabbitmq.Client) {
		c.Subscribe("ask", func(_ context.Context, request rabbitmq.Message) {
			_ = c.Reply(t.Context(), request, fmt.Appendf(nil, "%s from %s", request.Body, name)) // the asker misses it
		})
	}
}

// replies asks and returns n replies.
func replies(t *testing.T, c *rabbitmq.Client, question string, n int) (texts []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	answers, err := c.Request(ctx, "ask", []byte(question))
	require.NoError(t, err)
	for range n {
		select {
		case answer := <-answers:
			texts = append(texts, string(answer.Body))
		case <-ctx.Done():
			require.Fail(t, "no reply", "%d of %d came", len(texts), n)
		}
	}
	return texts
}

func TestRequestIsAnsweredByAll(t *testing.T) {
	url := startBroker(t, "127.0.0.1:0").URL()
	asker := newClient(t, url, "", silent)
	awaitUp(t, asker, newClient(t, url, "", echo(t, "a")), newClient(t, url, "", echo(t, "b")))
	require.ElementsMatch(t, []string{"x from a", "x from b"}, replies(t, asker, "x", 2))
}

func TestConcurrentRequestsGetTheirOwnReplies(t *testing.T) {
	url := startBroker(t, "127.0.0.1:0").URL()
	asker := newClient(t, url, "", silent)
	awaitUp(t, asker, newClient(t, url, "", echo(t, "a")))
	var asking sync.WaitGroup
	for i := range 100 {
		asking.Go(func() {
			question := fmt.Sprint(i)
			if got := replies(t, asker, question, 1); got[0] != question+" from a" {
				t.Errorf("asked %s, got %s", question, got)
			}
		})
	}
	asking.Wait()
}

func TestPrefixesSeparateStores(t *testing.T) {
	url := startBroker(t, "127.0.0.1:0").URL()
	one, other := newClient(t, url, "one-", silent), newClient(t, url, "other-", silent)
	awaitUp(t, one, other, newClient(t, url, "one-", echo(t, "one")), newClient(t, url, "other-", echo(t, "other")))
	require.Equal(t, []string{"x from one"}, replies(t, one, "x", 1))
	require.Equal(t, []string{"x from other"}, replies(t, other, "x", 1))
}

func TestUnreachable(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	c := newClient(t, b.URL(), "", silent)
	awaitUp(t, c)
	require.NoError(t, b.Close())
	require.Eventually(t, func() bool { _, err := c.Since(); return err != nil }, timeout, time.Millisecond)
	require.ErrorIs(t, c.Broadcast(t.Context(), "ask", nil), rabbitmq.ErrUnreachable)
	_, err := c.Request(t.Context(), "ask", nil)
	require.ErrorIs(t, err, rabbitmq.ErrUnreachable)
}

// A message, and a reply to it, have the request ID of the context that they are sent with.
func TestRequestID(t *testing.T) {
	url := startBroker(t, "127.0.0.1:0").URL()
	heard := make(chan string, 3)
	listener := newClient(t, url, "", func(c *rabbitmq.Client) {
		c.Subscribe("ask", func(ctx context.Context, _ rabbitmq.Message) { heard <- requestid.Of(ctx) })
	})
	sender := newClient(t, url, "", silent)
	awaitUp(t, sender, listener)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	require.NoError(t, sender.Broadcast(requestid.With(ctx, "x1"), "ask", nil))
	_, err := sender.Request(requestid.With(ctx, "x2"), "ask", nil)
	require.NoError(t, err)
	require.NoError(t, sender.Broadcast(ctx, "ask", nil))
	for _, want := range []string{"x1", "x2", ""} {
		select {
		case got := <-heard:
			require.Equal(t, want, got)
		case <-ctx.Done():
			require.Fail(t, "no message")
		}
	}
}

// A message of a stranger cannot forge a line of a log.
func TestBadRequestID(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	heard := make(chan string, 1)
	awaitUp(t, newClient(t, b.URL(), "", func(c *rabbitmq.Client) {
		c.Subscribe("ask", func(ctx context.Context, _ rabbitmq.Message) { heard <- requestid.Of(ctx) })
	}))
	conn, err := amqp091.Dial(b.URL())
	require.NoError(t, err)
	defer conn.Close() // the message has been received
	channel, err := conn.Channel()
	require.NoError(t, err)
	message := amqp091.Publishing{Headers: amqp091.Table{"X-Request-Id": "a\nlevel=ERROR"}}
	require.NoError(t, channel.PublishWithContext(t.Context(), "ask", "", false, false, message))
	require.Regexp(t, `^[A-Z2-7]{26}$`, <-heard)
}

// Both clients connect again by themselves and declare everything anew.
func TestBrokerRestart(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	url, address := b.URL(), b.Addr()
	stats := metrics.New()
	asker, err := rabbitmq.New(url, "", nil, stats, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	answerer := newClient(t, url, "", echo(t, "a"))
	awaitUp(t, runUntilEnd(t, asker), answerer)
	require.Zero(t, stats.BrokerReconnects().Get())
	require.NoError(t, b.Close())
	restarted := time.Now()
	startBroker(t, address)
	awaitUpSince(t, restarted, asker, answerer)
	require.EqualValues(t, 1, stats.BrokerReconnects().Get())
	require.Equal(t, []string{"x from a"}, replies(t, asker, "x", 1))
}

func TestDroppedConnections(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	asker, answerer := newClient(t, b.URL(), "", silent), newClient(t, b.URL(), "", echo(t, "a"))
	awaitUp(t, asker, answerer)
	for range 3 {
		require.Equal(t, []string{"x from a"}, replies(t, asker, "x", 1))
		dropped := time.Now()
		require.Equal(t, 2, b.DropConnections())
		awaitUpSince(t, dropped, asker, answerer)
	}
}

func TestNothingIsLeftOnTheBroker(t *testing.T) {
	b := startBroker(t, "127.0.0.1:0")
	t.Run("clients", func(t *testing.T) {
		asker := newClient(t, b.URL(), "", silent)
		awaitUp(t, asker, newClient(t, b.URL(), "", echo(t, "a")))
		replies(t, asker, "x", 1)
		require.Equal(t, 2, b.Counts().Connections)
	})
	require.Eventually(t, func() bool { c := b.Counts(); return c.Connections == 0 && c.Queues == 0 }, timeout, time.Millisecond)
}

func TestBadURL(t *testing.T) {
	_, err := rabbitmq.New("http://guest:secret@localhost", "", nil, metrics.New(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "broker URL")
	require.False(t, strings.Contains(err.Error(), "secret"), "a password is not for logs")
	for _, password := range []string{"se/cret", "se cret", "se%zzcret", "1#secret", "se#cret"} {
		_, err := rabbitmq.New("amqps://guest:"+password+"@localhost", "", nil, metrics.New(), slog.New(slog.DiscardHandler))
		require.Error(t, err, password)
		require.NotContains(t, err.Error(), "cret")
	}
}
