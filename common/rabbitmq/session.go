package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/streadway/amqp"
)

const (
	dialPatience = 2 * time.Second // for TCP and the AMQP handshake together
	heartbeat    = 2 * time.Second // a broker that is silent for three of them is taken for dead
)

// session is one connection to the broker with everything declared on it.
type session struct {
	wire    *wire
	conn    *amqp.Connection
	channel *amqp.Channel
	lost    chan *amqp.Error // what ended the connection, buffered
	replyTo string           // the queue that answers to our requests come to
	since   time.Time
	workers sync.WaitGroup // one for each consumer

	publications chan publication // on their way to the connection
	gone         chan struct{}    // closed when nobody takes publications any more
}

// publication is a message on its way to the broker.
type publication struct {
	exchange, key string
	message       amqp.Publishing
}

// queued is how many publications wait for the connection before their publishers do.
const queued = 64

func dial(ctx context.Context, c *Client) (*session, error) {
	s := &session{publications: make(chan publication, queued), gone: make(chan struct{})}
	var err error
	s.conn, err = amqp.DialConfig(c.url, amqp.Config{Heartbeat: heartbeat, Locale: "en_US", Dial: s.dialer(ctx)})
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	if err := s.declare(c); err != nil {
		s.close()
		return nil, fmt.Errorf("declare: %w", err)
	}
	s.since = time.Now()
	return s, nil
}

// dialer sets the deadline for the handshake too; the library lifts it afterwards.
func (s *session) dialer(ctx context.Context) func(network, address string) (net.Conn, error) {
	return func(network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: dialPatience}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.wire = &wire{Conn: conn}
		return s.wire, conn.SetDeadline(time.Now().Add(dialPatience))
	}
}

// declare makes the exchanges and queues and starts the consumers. One AMQP channel serves for all:
// an error on it means that a declaration of ours is wrong or that the broker lost its state, and
// either way the connection is made anew.
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

// bind connects a queue to a fanout exchange, which whoever comes first declares.
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

// consume makes a queue of this connection's own, which goes when the connection does, and has
// handle called with what comes to it.
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

// serve sends what publish hands it until the connection is lost or ctx is done, and closes it.
func (s *session) serve(ctx context.Context) error {
	defer s.close()
	declared := map[string]bool{"": true} // the default exchange is always there
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.lost:
			return fmt.Errorf("connection lost: %v", err) // nil if the broker closed it politely
		case p := <-s.publications:
			if err := s.send(p, declared); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
	}
}

// send sends a publication, and with it those that wait behind it.
func (s *session) send(p publication, declared map[string]bool) (err error) {
	defer func() { err = errors.Join(err, s.wire.release()) }()
	for more := true; more; {
		if err := s.declareBefore(p, declared); err != nil {
			return err
		}
		s.wire.hold()
		if err := s.channel.Publish(p.exchange, p.key, false, false, p.message); err != nil {
			return err
		}
		select {
		case p = <-s.publications:
		default:
			more = false
		}
	}
	return nil
}

// declareBefore declares the exchange before the first message to it, since its listeners may come
// later.
func (s *session) declareBefore(p publication, declared map[string]bool) error {
	if declared[p.exchange] {
		return nil
	}
	if err := s.wire.release(); err != nil { // the broker is to answer
		return err
	}
	declared[p.exchange] = true
	return s.declareExchange(p.exchange)
}

// publish returns when the message is about to be written to the connection, or cannot be.
func (s *session) publish(ctx context.Context, p publication) error {
	select {
	case <-s.gone:
		return ErrUnreachable
	default:
	}
	select {
	case s.publications <- p:
		return nil
	case <-s.gone:
		return ErrUnreachable
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) close() {
	close(s.gone)
	_ = s.conn.Close() // lost already, or given up
	s.workers.Wait()
}
