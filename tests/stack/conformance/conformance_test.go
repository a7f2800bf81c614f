package conformance_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/tests/stack"
	"gostore/tests/stack/broker"
	"gostore/tests/stack/conformance"
)

func TestEmbeddedRabbitMQ(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b, err := broker.Listen("127.0.0.1:0")
	require.NoError(t, err)
	conformance.RabbitMQ(t, b.URL())
	require.NoError(t, b.Close())
}

// TestRabbitMQ runs against a real one, where there is one: given, or the one of the pair that all
// tests share.
func TestRabbitMQ(t *testing.T) {
	forced := stack.Way(os.Getenv("STACK"))
	if forced == stack.Embedded {
		t.Skip("that is what TestEmbeddedRabbitMQ does")
	}
	request := stack.Request{Ways: realWays(), Log: func(line string) { t.Log(line) }}
	request.BrokerOnly = os.Getenv("RABBITMQ_SERVER") != "" // nothing here needs Elasticsearch
	servers, err := stack.Acquire(t.Context(), request)
	if err != nil && forced == "" {
		t.Skip("there is no real one:", err)
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, servers.Close(t.Context())) }()
	conformance.RabbitMQ(t, servers.URLs().RabbitMQ)
}

// realWays are the ways that tests prefer, without the one that TestEmbeddedRabbitMQ covers.
func realWays() []stack.Way {
	return slices.DeleteFunc(stack.ForTests(), func(way stack.Way) bool { return way == stack.Embedded })
}
