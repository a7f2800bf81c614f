// Package rabbitmq sends and receives the messages of go-store: broadcasts to all listeners of an
// exchange, and requests that every listener may answer.
//
// It is the only package that imports github.com/streadway/amqp, which is no longer developed. Its
// successor, github.com/rabbitmq/amqp091-go, has the same calls under another import path: a move
// to it would change the imports of this package, and no other.
package rabbitmq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streadway/amqp"

	"gostore/common/httpd"
	"gostore/common/metrics"
	"gostore/common/requestid"
)

// ErrUnreachable is wrapped by the errors of calls that need a broker while there is no connection
// to one, or the broker accepts no messages. It is an answer for clients.
var ErrUnreachable = httpd.Unavailable("the message broker cannot be reached")

const (
	firstPause = 50 * time.Millisecond // before dialling again; doubled after each failure
	lastPause  = time.Second
)

// Message is a received message.
type Message struct {
	Body          []byte
	replyTo       string
	correlationID string
}

// Client has one connection to a broker for as long as Run runs. When the connection is lost, the
// client dials again and declares everything anew. All methods may be called by several goroutines
// at once, except Subscribe, which comes before Run.
//
// Messages are neither persistent nor confirmed: those in flight when a broker dies are lost. That
// is enough for heartbeats, of which the next follows a second later, and for requests, which have
// a deadline.
type Client struct {
	url, prefix   string
	shown         string // url without its password
	secure        *tls.Config
	log           *slog.Logger
	reconnects    *metrics.Counter
	wasConnected  bool // used by Run only
	subscriptions []subscription

	mu      sync.Mutex
	live    *session // nil while there is no connection
	waiting map[string]chan<- Message
	lastID  atomic.Uint64
}

type subscription struct {
	exchange string
	handle   func(context.Context, Message)
}

// New returns a client of the broker at brokerURL (amqp://user:password@host:port/vhost). Exchange
// names get the prefix, so that several stores can share one broker; it may be empty. secure is for
// amqps://; nil trusts the system's CAs. No error or log line has the password of the URL.
func New(brokerURL, prefix string, secure *tls.Config, stats *metrics.Set, log *slog.Logger) (*Client, error) {
	u, err := url.Parse(brokerURL)
	if err != nil || u.Fragment != "" { // both may be a part of the password
		return nil, errors.New("broker URL: it is not a URL: in a password escape special characters, / as %2F")
	}
	if _, err := amqp.ParseURI(brokerURL); err != nil {
		return nil, fmt.Errorf("broker URL %s: %w", u.Redacted(), err)
	}
	return &Client{
		url: brokerURL, shown: u.Redacted(), prefix: prefix, secure: secure,
		log: log, reconnects: stats.BrokerReconnects(), waiting: map[string]chan<- Message{},
	}, nil
}

// Subscribe has handle called with every message that is broadcast on exchange while the client is
// connected, one at a time. A handle that takes long delays those behind it. Its context is not
// canceled, and has the request ID that the message was sent with.
func (c *Client) Subscribe(exchange string, handle func(context.Context, Message)) {
	c.subscriptions = append(c.subscriptions, subscription{c.prefix + exchange, handle})
}

// Run connects, and connects again whenever the connection is lost, until ctx is done. It returns
// when every goroutine and connection that it started has ended.
func (c *Client) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		wasUp, err := c.connectAndServe(ctx)
		if ctx.Err() != nil {
			return
		}
		if wasUp {
			pause = firstPause
		}
		c.log.Warn("no connection to the broker", "url", c.shown, "error", err, "retry", pause)
		sleep(ctx, pause)
		pause = min(2*pause, lastPause)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// connectAndServe is one connection from dialling to its end. It reports whether it ever served.
func (c *Client) connectAndServe(ctx context.Context) (wasUp bool, err error) {
	s, err := dial(ctx, c)
	if err != nil {
		return false, err
	}
	c.log.Info("connected to the broker", "url", c.shown)
	if c.wasConnected {
		c.reconnects.Inc()
	}
	c.wasConnected = true
	c.setLive(s)
	defer c.setLive(nil)
	return true, s.serve(ctx)
}

func (c *Client) setLive(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = s
}

func (c *Client) current() (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		return nil, ErrUnreachable
	}
	return c.live, nil
}

// Since returns the time since when the client has received everything it subscribed to without a
// gap. It returns ErrUnreachable while there is no connection, or an error that names an alarm of
// the broker. (A broker in an alarm delivers messages, but the other clients cannot send any.)
func (c *Client) Since() (time.Time, error) {
	s, err := c.current()
	if err != nil {
		return time.Time{}, err
	}
	return s.state()
}

// Blocked returns why the broker accepts no messages, for example "low on memory". A broker in an
// alarm says so only to clients that send messages.
func (c *Client) Blocked() (reason string, blocked bool) {
	s, err := c.current()
	if err != nil {
		return "", false
	}
	_, err = s.state()
	var alarm alarmError
	blocked = errors.As(err, &alarm)
	return alarm.reason, blocked
}

// alarmError is an answer for clients too, and says more.
type alarmError struct{ reason string }

func (e alarmError) Error() string {
	return "the message broker accepts no messages because of an alarm: " + e.reason
}

func (e alarmError) Unwrap() []error {
	return []error{httpd.Unavailable("%v", e.Error()), ErrUnreachable}
}

// Broadcast sends body to every client that is subscribed to exchange.
func (c *Client) Broadcast(ctx context.Context, exchange string, body []byte) error {
	return c.publish(ctx, publication{exchange: c.prefix + exchange, message: amqp.Publishing{Body: body}})
}

// Request broadcasts body on exchange and returns a channel with the replies, as they come, until
// ctx is done: the caller must end it, and receives from the channel and ctx.Done in one select,
// since the channel is never closed. While 64 replies wait in it, others are dropped.
func (c *Client) Request(ctx context.Context, exchange string, body []byte) (<-chan Message, error) {
	s, err := c.current()
	if err != nil {
		return nil, err
	}
	id := strconv.FormatUint(c.lastID.Add(1), 36)
	replies := make(chan Message, 64)
	c.expect(id, replies)
	context.AfterFunc(ctx, func() { c.expect(id, nil) })
	message := amqp.Publishing{Body: body, ReplyTo: s.replyTo, CorrelationId: id}
	return replies, c.publish(ctx, publication{exchange: c.prefix + exchange, message: message})
}

// Reply answers a request. It does nothing for a message that is not a request.
func (c *Client) Reply(ctx context.Context, request Message, body []byte) error {
	if request.replyTo == "" {
		return nil
	}
	message := amqp.Publishing{Body: body, CorrelationId: request.correlationID}
	return c.publish(ctx, publication{key: request.replyTo, message: message})
}

func (c *Client) publish(ctx context.Context, p publication) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	if id := requestid.Of(ctx); id != "" {
		p.message.Headers = amqp.Table{requestid.Header: id}
	}
	return s.publish(ctx, p)
}

// expect has replies with that correlation id sent to a channel; nil ends it.
func (c *Client) expect(id string, replies chan<- Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if replies == nil {
		delete(c.waiting, id)
		return
	}
	c.waiting[id] = replies
}

// deliver hands a reply to the request that waits for it, and drops one that comes too late.
func (c *Client) deliver(_ context.Context, reply Message) {
	c.mu.Lock()
	replies := c.waiting[reply.correlationID]
	c.mu.Unlock()
	select {
	case replies <- reply: // a nil channel is never ready
	default:
	}
}
