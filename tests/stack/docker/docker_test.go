package docker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"

	"gostore/tests/stack"
	"gostore/tests/stack/docker"
)

const (
	within = 10 * time.Second
	tick   = 100 * time.Millisecond
)

func TestPair(t *testing.T) {
	servers := start(t, fromEnvironment())
	url := servers.URLs().RabbitMQ

	t.Run("AMQP", func(t *testing.T) { checkMessage(t, url) })
	t.Run("Elasticsearch", func(t *testing.T) { checkElasticsearch(t, servers.URLs().Elasticsearch) })
	t.Run("Counts", func(t *testing.T) { checkCounts(t, servers) })
	t.Run("DropConnections", func(t *testing.T) { checkDropConnections(t, servers) })
	t.Run("StopBroker", func(t *testing.T) { checkStopBroker(t, servers) })
	t.Run("StopElasticsearch", func(t *testing.T) { checkStopElasticsearch(t, servers) })

	require.Contains(t, servers.Versions(), "RabbitMQ 3.")
	require.Contains(t, servers.Versions(), "Elasticsearch 7.17.")
	require.Len(t, containers(t), 2)
	require.NoError(t, servers.Close(t.Context()))
	require.Empty(t, containers(t))
}

func TestStartRemovesContainersOfKilledPair(t *testing.T) {
	opts := fromEnvironment()
	opts.WithoutElasticsearch = true
	start(t, opts) // never closed, as if killed
	left := containers(t)
	require.Len(t, left, 1)

	servers := start(t, opts)
	require.Empty(t, servers.URLs().Elasticsearch)
	now := containers(t)
	require.Len(t, now, 1)
	require.NotEqual(t, left, now)
	require.NoError(t, servers.Close(t.Context()))
	require.Empty(t, containers(t))
}

func TestPortThatIsTaken(t *testing.T) {
	opts := fromEnvironment()
	opts.WithoutElasticsearch = true
	first := start(t, opts)
	url := first.URLs().RabbitMQ
	require.NoError(t, first.Close(t.Context()))
	uri, err := amqp.ParseURI(url)
	require.NoError(t, err)
	busy, err := net.Listen("tcp", fmt.Sprintf(":%d", uri.Port))
	require.NoError(t, err)
	defer busy.Close() // it only occupies the port

	second := start(t, opts)
	require.NotEqual(t, url, second.URLs().RabbitMQ)
	require.Len(t, containers(t), 1)
}

func TestImageThatCannotBePulled(t *testing.T) {
	requireDaemon(t)
	const missing = "localhost:1/no/such/image:1" // port 1 is closed
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err := docker.Start(ctx, docker.Options{Label: label(), Images: docker.Images{RabbitMQ: missing}})
	require.ErrorIs(t, err, docker.ErrNoImage)
	require.ErrorContains(t, err, "image "+missing+" is not present and cannot be pulled")
	require.NotContains(t, err.Error(), "\n")
	require.NoError(t, ctx.Err())
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	requireDaemon(t)
	ctx, cancel := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel()
	watcher.Go(func() {
		defer cancel()
		for ids, err := labelled(ctx); len(ids) < 2 && err == nil; ids, err = labelled(ctx) {
			time.Sleep(tick)
		}
	})
	_, err := docker.Start(ctx, fromEnvironment())
	if errors.Is(err, docker.ErrNoImage) {
		skip(t, err)
	}
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, containers(t))
}

// label differs for every process that runs these tests.
func label() string { return fmt.Sprintf("docker-test-%d", os.Getpid()) }

func fromEnvironment() docker.Options {
	return docker.Options{
		Label:  label(),
		Images: docker.Images{RabbitMQ: os.Getenv("RABBITMQ_IMAGE"), Elasticsearch: os.Getenv("ES_IMAGE")},
	}
}

func start(t *testing.T, opts docker.Options) stack.Servers {
	t.Helper()
	requireDaemon(t)
	servers, err := docker.Start(t.Context(), opts)
	if errors.Is(err, docker.ErrNoImage) {
		skip(t, err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, docker.Remove(context.Background(), opts.Label)) })
	return servers
}

func requireDaemon(t *testing.T) {
	t.Helper()
	if os.Getenv("STACK") == string(stack.Embedded) {
		t.Skip("STACK asks for the embedded servers, and for no container")
	}
	daemon, err := testcontainers.NewDockerClientWithOpts(t.Context())
	if err != nil {
		skip(t, fmt.Errorf("no Docker daemon answers: %w", err))
	}
	defer daemon.Close() // only drops idle connections
	if _, err := daemon.Ping(t.Context(), client.PingOptions{}); err != nil {
		skip(t, fmt.Errorf("no Docker daemon answers: %w", err))
	}
}

// skip skips a test that needs Docker, or fails it if STACK asks for Docker.
func skip(t *testing.T, reason error) {
	t.Helper()
	if os.Getenv("STACK") == string(stack.Docker) {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// containers returns the ids of all containers with the label, running or not.
func containers(t *testing.T) []string {
	t.Helper()
	ids, err := labelled(t.Context())
	require.NoError(t, err)
	return ids
}

func labelled(ctx context.Context) (ids []string, err error) {
	daemon, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, err
	}
	defer daemon.Close() // only drops idle connections
	found, err := daemon.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", "gostore.stack="+label()),
	})
	for _, c := range found.Items {
		ids = append(ids, c.ID)
	}
	return ids, err
}

// checkMessage sends a message to a queue and receives it.
func checkMessage(t *testing.T, url string) {
	_, channel := dial(t, url)
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	require.NoError(t, err)
	deliveries, err := channel.Consume(queue.Name, "", true, true, false, false, nil)
	require.NoError(t, err)
	message := amqp.Publishing{Body: []byte("hello")}
	require.NoError(t, channel.PublishWithContext(t.Context(), "", queue.Name, true, false, message))
	select {
	case delivery := <-deliveries:
		require.Equal(t, "hello", string(delivery.Body))
	case <-time.After(within):
		t.Fatal("no delivery")
	}
}

func checkElasticsearch(t *testing.T, url string) {
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close() // decoded
	var root struct{ Version struct{ Number string } }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&root))
	require.Contains(t, root.Version.Number, "7.17.")
}

func checkCounts(t *testing.T, servers stack.Servers) {
	requireCounts(t, servers, stack.Counts{})
	conn, channel := dial(t, servers.URLs().RabbitMQ)
	_, err := conn.Channel()
	require.NoError(t, err)
	for range 3 {
		_, err := channel.QueueDeclare("", false, true, true, false, nil)
		require.NoError(t, err)
	}
	requireCounts(t, servers, stack.Counts{Connections: 1, Channels: 2, Queues: 3})
	require.NoError(t, conn.Close())
	requireCounts(t, servers, stack.Counts{})
}

func requireCounts(t *testing.T, servers stack.Servers, want stack.Counts) {
	t.Helper()
	var got stack.Counts
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(tick) {
		var err error
		got, err = servers.Counts(t.Context())
		require.NoError(t, err)
		if got == want {
			return
		}
	}
	require.Equal(t, want, got)
}

func checkDropConnections(t *testing.T, servers stack.Servers) {
	url := servers.URLs().RabbitMQ
	first, _ := dial(t, url)
	second, _ := dial(t, url)
	require.NoError(t, servers.DropConnections(t.Context()))
	requireClosed(t, first)
	requireClosed(t, second)
	checkMessage(t, url)
}

func checkStopBroker(t *testing.T, servers stack.Servers) {
	url := servers.URLs().RabbitMQ
	conn, channel := dial(t, url)
	_, err := channel.QueueDeclare("durable", true, false, false, false, nil)
	require.NoError(t, err)

	require.NoError(t, servers.StopBroker(t.Context()))
	requireClosed(t, conn)
	_, err = amqp.Dial(url)
	require.Error(t, err)
	requireCounts(t, servers, stack.Counts{})
	require.NoError(t, servers.DropConnections(t.Context()))
	require.NoError(t, servers.StopBroker(t.Context()), "a second time")

	require.NoError(t, servers.StartBroker(t.Context()))
	require.Equal(t, url, servers.URLs().RabbitMQ)
	checkMessage(t, url)
	_, channel = dial(t, url)
	_, err = channel.QueueDeclarePassive("durable", true, false, false, false, nil)
	require.NoError(t, err, "durable queues survive")
}

func checkStopElasticsearch(t *testing.T, servers stack.Servers) {
	url := servers.URLs().Elasticsearch
	const document = "/durable/_doc/1"
	request, err := http.NewRequest(http.MethodPut, url+document, strings.NewReader(`{"n":1}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	require.Equal(t, http.StatusCreated, status(t, request))

	require.NoError(t, servers.StopElasticsearch(t.Context()))
	_, err = http.Get(url) //nolint:bodyclose // there is none
	require.Error(t, err)
	require.NoError(t, servers.StopElasticsearch(t.Context()), "a second time")
	checkMessage(t, servers.URLs().RabbitMQ)

	require.NoError(t, servers.StartElasticsearch(t.Context()))
	require.Equal(t, url, servers.URLs().Elasticsearch)
	request, err = http.NewRequest(http.MethodGet, url+document, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return status(t, request) == http.StatusOK }, within, tick, "documents survive")
}

func status(t *testing.T, request *http.Request) int {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func dial(t *testing.T, url string) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	conn, err := amqp.Dial(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // some are closed or cut by then
	channel, err := conn.Channel()
	require.NoError(t, err)
	return conn, channel
}

func requireClosed(t *testing.T, conn *amqp.Connection) {
	t.Helper()
	require.Eventually(t, conn.IsClosed, within, tick)
}
