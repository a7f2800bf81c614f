// Package broker is a small message broker that speaks AMQP 0-9-1 and stands in for RabbitMQ where
// there is none. To github.com/streadway/amqp and github.com/rabbitmq/amqp091-go it answers as
// RabbitMQ 3.10 does: exchanges (fanout, direct, topic), queues (exclusive, auto-delete, named by the
// server), prefetch, acknowledgements, publisher confirms, returns, heartbeats, and the errors.
//
// What it promises while it runs: a publish is confirmed only once it is in every queue it routes
// to; a message that was delivered and not acknowledged goes back to its place in the queue when its
// channel or connection ends; each queue keeps its order; one client that does not read holds up
// nobody else, and is cut off when it takes nothing for a while.
//
// What is simplified: everything is in memory and one lock guards it all, so a durable queue is gone
// with the process and a queue grows with what is published to it (RabbitMQ pages to disk, and blocks
// publishers when memory runs short). Arguments of queues, exchanges and bindings have no effect, so
// messages do not expire and are not dead-lettered. There are no transactions, no TLS, no headers
// exchange and no direct reply-to, and one user (guest, password guest) in one virtual host ("/").
//
// Reading order: broker.go, connection.go, handshake.go, channel.go, then queue.go and exchange.go for
// what messages do; methods.go says which methods there are; wire.go, table.go and frame.go are the
// bytes. The grammar is that of the specification (amqp0-9-1.extended.xml), table fields are those
// that RabbitMQ documents.
package broker
