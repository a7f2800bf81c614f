package rabbitmq

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/streadway/amqp"
)

const (
	dialTimeout = 2 * time.Second // for TCP and the AMQP handshake together
	heartbeat   = 2 * time.Second // a broker that is silent for three of them counts as dead
)

// session is one connection to the broker with everything declared on it.
type session struct {
	conn    *amqp.Connection
	channel *amqp.Channel
	lost    chan *amqp.Error // what ended the connection, buffered
	replyTo string           // the queue for replies to our requests
	since   time.Time
	workers sync.WaitGroup // one for each consumer

	publications chan publication // taken by serve
	closed       chan struct{}    // closed when serve takes no more publications
}

// publication is a message on its way to the broker.
type publication struct {
	exchange, key string
	message       amqp.Publishing
}

func dial(ctx context.Context, c *Client) (*session, error) {
	conn, err := amqp.DialConfig(c.url, amqp.Config{Heartbeat: heartbeat, Locale: "en_US", Dial: dialer(ctx)})
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	s := &session{conn: conn, publications: make(chan publication), closed: make(chan struct{})}
	if err := s.declare(c); err != nil {
		s.close()
		return nil, fmt.Errorf("declare: %w", err)
	}
	s.since = time.Now()
	return s, nil
}

// dialer sets the deadline for the handshake too; the library lifts it afterwards.
func dialer(ctx context.Context) func(network, address string) (net.Conn, error) {
	return func(network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return conn, conn.SetDeadline(time.Now().Add(dialTimeout))
	}
}

// declare declares the exchanges and queues and starts the consumers. One AMQP channel serves for
// all: an error on it means that one of our declarations is wrong or that the broker lost its
// state, and in both cases the client connects anew.
func (s *session) declare(c *Client) (err error) {
	if s.channel, err = s.conn.Channel(); err != nil {
		return err
	}
	s.lost = s.channel.NotifyClose(make(chan *amqp.Error, 1))
	for _, sub := range c.subscriptions {
		queue, err := s.consume(sub.handle)
		if err != nil {
			return err
		}
		if err := s.bind(queue, sub.exchange); err != nil {
			return err
		}
	}
	s.replyTo, err = s.consume(c.deliver)
	return err
}

// bind connects a queue to a fanout exchange, which the first client to need it declares.
func (s *session) bind(queue, exchange string) error {
	if err := s.declareExchange(exchange); err != nil {
		return err
	}
	return s.channel.QueueBind(queue, "", exchange, false, nil)
}

func (s *session) declareExchange(exchange string) error {
	durable, autoDelete, internal, noWait := false, false, false, false
	return s.channel.ExchangeDeclare(exchange, amqp.ExchangeFanout, durable, autoDelete, internal, noWait, nil)
}

// consume declares a queue that only this connection uses, and that is deleted with it, and has
// handle called with each of its messages.
func (s *session) consume(handle func(Message)) (queue string, err error) {
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
		for d := range deliveries { // closed with the connection
			handle(Message{Body: d.Body, replyTo: d.ReplyTo, correlationID: d.CorrelationId})
		}
	})
	return q.Name, nil
}

// serve sends publications until the connection is lost or ctx is done, and closes it.
func (s *session) serve(ctx context.Context) error {
	defer s.close()
	declared := map[string]bool{"": true} // the default exchange always exists
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.lost:
			return fmt.Errorf("connection lost: %v", err) // nil after an orderly close by the broker
		case p := <-s.publications:
			if err := s.send(p, declared); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
	}
}

// send declares the exchange before the first message to it, since its listeners may come later.
func (s *session) send(p publication, declared map[string]bool) error {
	if !declared[p.exchange] {
		if err := s.declareExchange(p.exchange); err != nil {
			return err
		}
		declared[p.exchange] = true
	}
	mandatory, immediate := false, false
	return s.channel.Publish(p.exchange, p.key, mandatory, immediate, p.message)
}

// publish returns when the message is about to be sent, or cannot be.
func (s *session) publish(ctx context.Context, p publication) error {
	select {
	case s.publications <- p:
		return nil
	case <-s.closed:
		return ErrUnreachable
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) close() {
	close(s.closed)
	_ = s.conn.Close() // it may be lost already
	s.workers.Wait()
}
