package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/streadway/amqp"

	"gostore/common/requestid"
)

const (
	dialTimeout    = 2 * time.Second // for TCP and the AMQP handshake together
	heartbeat      = 2 * time.Second // a broker that is silent for three of them counts as dead
	publishTimeout = 5 * time.Second
	closeTimeout   = time.Second // for the broker's answer to an orderly close
	checkInterval  = time.Second
	nobody         = "nobody" // there is no queue of that name
)

// session is one connection to the broker with everything declared on it.
type session struct {
	wire     net.Conn // under conn
	conn     *amqp.Connection
	channel  *amqp.Channel
	bindings []binding
	replyTo  string // the queue for replies to our requests

	lost    chan *amqp.Error // what ended the channel, buffered
	ended   chan struct{}    // receives when a subscription has ended, buffered
	workers sync.WaitGroup   // every goroutine of the session

	mu    sync.Mutex
	since time.Time // see Client.Since
	alarm error     // an alarmError while the broker accepts no messages

	publications chan publication // taken by send
	closed       chan struct{}    // closed when send takes no more publications
}

type binding struct{ queue, exchange string }

// publication is a message on its way to the broker.
type publication struct {
	exchange, key string
	message       amqp.Publishing
}

func dial(ctx context.Context, c *Client) (*session, error) {
	s := &session{
		ended:        make(chan struct{}, 1),
		publications: make(chan publication),
		closed:       make(chan struct{}),
	}
	var err error
	s.conn, err = amqp.DialConfig(c.url, amqp.Config{
		Heartbeat: heartbeat, Locale: "en_US", Dial: s.dialer(ctx), TLSClientConfig: c.secure.Clone(), // which it modifies
	})
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.wire.Close() }) // a broker may not answer declare
	defer stop()
	if err := s.declare(c); err != nil {
		s.close()
		return nil, fmt.Errorf("declare: %w", err)
	}
	s.setAlarm(nil)
	return s, nil
}

// dialer sets the deadline for the handshake too; the library lifts it afterwards.
func (s *session) dialer(ctx context.Context) func(network, address string) (net.Conn, error) {
	return func(network, address string) (_ net.Conn, err error) {
		s.wire, err = (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return s.wire, s.wire.SetDeadline(time.Now().Add(dialTimeout))
	}
}

// declare declares the exchanges and queues and starts the consumers. One AMQP channel serves for
// all: an error on it means that one of our declarations is wrong or that the broker lost its
// state, and in both cases the client connects anew.
func (s *session) declare(c *Client) (err error) {
	s.watchAlarm(c.log)
	if s.channel, err = s.conn.Channel(); err != nil {
		return err
	}
	s.lost = s.channel.NotifyClose(make(chan *amqp.Error, 1))
	for _, sub := range c.subscriptions {
		queue, err := s.consume(sub.handle)
		if err != nil {
			return err
		}
		if err := s.declareExchange(sub.exchange); err != nil {
			return err
		}
		s.bindings = append(s.bindings, binding{queue, sub.exchange})
	}
	if s.replyTo, err = s.consume(c.deliver); err != nil {
		return err
	}
	return s.bind()
}

// bind binds the queues to their exchanges. It does nothing for a binding that exists.
func (s *session) bind() error {
	for _, b := range s.bindings {
		if err := s.channel.QueueBind(b.queue, "", b.exchange, false, nil); err != nil {
			return fmt.Errorf("bind to %s: %w", b.exchange, err)
		}
	}
	return nil
}

// declareExchange takes an exchange that exists as it is, durable or not. Else it declares one,
// which the broker's next restart deletes. It looks on a channel of its own, since an error closes
// that.
func (s *session) declareExchange(exchange string) error {
	durable, autoDelete, internal, noWait := false, false, false, false
	probe, err := s.conn.Channel()
	if err != nil {
		return err
	}
	defer probe.Close() // it is closed if there is no such exchange
	if probe.ExchangeDeclarePassive(exchange, amqp.ExchangeFanout, durable, autoDelete, internal, noWait, nil) == nil {
		return nil
	}
	return s.channel.ExchangeDeclare(exchange, amqp.ExchangeFanout, durable, autoDelete, internal, noWait, nil)
}

// consume declares a queue that only this connection uses, and that is deleted with it, and has
// handle called with each of its messages.
func (s *session) consume(handle func(context.Context, Message)) (queue string, err error) {
	durable, autoDelete, exclusive, noWait := false, true, true, false
	q, err := s.channel.QueueDeclare("", durable, autoDelete, exclusive, noWait, nil)
	if err != nil {
		return "", err
	}
	autoAck, noLocal := true, false
	deliveries, err := s.channel.Consume(q.Name, "", autoAck, exclusive, noLocal, noWait, nil)
	if err != nil {
		return "", err
	}
	s.workers.Go(func() {
		for d := range deliveries { // closed with the connection, or when the broker cancels it
			handle(contextOf(d), Message{Body: d.Body, replyTo: d.ReplyTo, correlationID: d.CorrelationId})
		}
		select {
		case s.ended <- struct{}{}:
		default: // another one has ended too
		}
	})
	return q.Name, nil
}

// contextOf returns a context with the request ID of a message.
func contextOf(d amqp.Delivery) context.Context {
	id, has := d.Headers[requestid.Header].(string)
	if !has {
		return context.Background()
	}
	return requestid.With(context.Background(), id)
}

// watchAlarm records whether the broker accepts messages.
func (s *session) watchAlarm(log *slog.Logger) {
	changes := s.conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	s.workers.Go(func() {
		for change := range changes { // closed with the connection
			if !change.Active {
				log.Info("the broker accepts messages again")
				s.setAlarm(nil)
				continue
			}
			alarm := alarmError{change.Reason}
			log.Warn(alarm.Error())
			s.setAlarm(alarm)
		}
	})
}

// setAlarm also begins to count anew since when nothing is missing: during an alarm other clients
// could not send.
func (s *session) setAlarm(alarm error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.alarm = time.Now(), alarm
}

// state returns since when nothing is missing, and an alarmError while the broker accepts no
// messages.
func (s *session) state() (since time.Time, alarm error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.alarm
}

// serve sends publications until the session ends or ctx is done, and closes it.
func (s *session) serve(ctx context.Context) error {
	defer s.close()
	failed := make(chan error, 1)
	s.workers.Go(func() { failed <- s.send() })
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-failed:
		return err
	case err := <-s.lost:
		return fmt.Errorf("connection lost: %v", err) // nil after an orderly close by the broker
	case <-s.ended:
		return s.whyEnded()
	}
}

// whyEnded is for a subscription that has ended, which happens just after the connection is lost
// too.
func (s *session) whyEnded() error {
	select {
	case err := <-s.lost:
		return fmt.Errorf("connection lost: %v", err)
	default:
		return errors.New("the broker ended a subscription")
	}
}

// send sends publications until the session is closed. It has a goroutine of its own, since it
// waits as long as the broker does not read what it sends.
func (s *session) send() error {
	declared := map[string]bool{"": true} // the default exchange always exists
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-s.closed:
			return nil
		case p := <-s.publications:
			err = s.sendOne(p, declared)
		case <-tick.C:
			err = s.check()
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
}

// sendOne declares the exchange before the first message to it, since its listeners may come later.
func (s *session) sendOne(p publication, declared map[string]bool) error {
	if !declared[p.exchange] {
		if err := s.declareExchange(p.exchange); err != nil {
			return err
		}
		declared[p.exchange] = true
	}
	mandatory, immediate := false, false
	return s.channel.Publish(p.exchange, p.key, mandatory, immediate, p.message)
}

// check sends a message to nobody, since a broker tells only those that send that it is in an
// alarm. Then it finds out whether an operator has deleted an exchange, of which a broker tells its
// subscribers nothing. If another client has declared it anew, it is bound again; if not, that is
// an error, and ends the session.
func (s *session) check() error {
	if _, alarm := s.state(); alarm != nil {
		return nil // a broker in an alarm does not answer
	}
	mandatory, immediate := false, false
	if err := s.channel.Publish("", nobody, mandatory, immediate, amqp.Publishing{}); err != nil {
		return err
	}
	return s.bind()
}

// publish returns when the message is about to be sent, or cannot be.
func (s *session) publish(ctx context.Context, p publication) error {
	if _, alarm := s.state(); alarm != nil {
		return alarm
	}
	ctx, cancel := context.WithTimeoutCause(ctx, publishTimeout, ErrUnreachable)
	defer cancel()
	select {
	case s.publications <- p:
		return nil
	case <-s.closed:
		return ErrUnreachable
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *session) close() {
	close(s.closed)
	cut := time.AfterFunc(closeTimeout, func() { _ = s.wire.Close() }) // a broker in an alarm does not answer
	_ = s.conn.Close()                                                 // it may be lost already
	cut.Stop()
	s.workers.Wait()
}
