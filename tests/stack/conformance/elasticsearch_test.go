package conformance_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"gostore/tests/stack"
	"gostore/tests/stack/conformance"
	"gostore/tests/stack/elastic"
)

func TestEmbeddedElasticsearch(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	conformance.Elasticsearch(t, embeddedElasticsearch(t))
}

func embeddedElasticsearch(t *testing.T) string {
	server, err := elastic.Listen("127.0.0.1:0", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server.URL()
}

func TestElasticsearch(t *testing.T) {
	conformance.Elasticsearch(t, realElasticsearch(t))
}

// TestElasticsearchAnswersAreTheSame compares what the embedded server answers with what a real one
// does.
func TestElasticsearchAnswersAreTheSame(t *testing.T) {
	conformance.CompareElasticsearch(t, realElasticsearch(t), embeddedElasticsearch(t))
}

// realElasticsearch returns the URL of a real one, given or in Docker, or skips the test where there
// is none and none is asked for.
func realElasticsearch(t *testing.T) string {
	forced := stack.Way(os.Getenv("STACK"))
	if forced == stack.Embedded {
		t.Skip("that is what TestEmbeddedElasticsearch is for")
	}
	request := stack.Request{Ways: []stack.Way{stack.Given, stack.Docker}, Log: func(line string) { t.Log(line) }}
	servers, err := stack.Acquire(t.Context(), request)
	if err != nil && forced == "" {
		t.Skip("there is no real one:", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, servers.Close(context.Background())) })
	return servers.URLs().Elasticsearch
}
