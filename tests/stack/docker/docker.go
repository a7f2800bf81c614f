// Package docker runs the real RabbitMQ and Elasticsearch in containers, with testcontainers.
//
// Containers have a label. Close removes them. After a kill they are removed by testcontainers'
// reaper or, if that is disabled (TESTCONTAINERS_RYUK_DISABLED), by the next Start with the same
// label.
package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"gostore/tests/stack"
)

// ErrNoImage is returned by Start if an image is neither present nor can be pulled.
var ErrNoImage = errors.New("is not present and cannot be pulled")

// labelKey is the key of the containers' label; the value is Options.Label.
const labelKey = "gostore.stack"

const (
	brokerPort        = "5672/tcp"
	elasticsearchPort = "9200/tcp"
	user              = "gostore" // also the password
	cleanupTimeout    = 30 * time.Second
)

// Host ports are used in pairs.
const (
	firstPort   = 10000
	portPairs   = 4000
	lastAttempt = 20 // to find a free pair
)

// Images are the names of the images to run; the default are the official ones. An image that is
// present is not pulled. Images must accept the environment variables of the official ones, or not
// need them.
type Images struct{ RabbitMQ, Elasticsearch string }

// Options describe the pair to run.
type Options struct {
	Label                string // of the containers; one pair at a time can use it
	Images               Images
	WithoutElasticsearch bool
}

// Start starts a pair and returns when it answers. It first removes the containers of an earlier
// pair with the same label.
func Start(ctx context.Context, opts Options) (stack.Servers, error) {
	images, err := fetchAll(ctx, opts)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		p := &pair{label: opts.Label}
		err := p.start(ctx, images, attempt)
		if err == nil {
			return p, nil
		}
		if attempt == lastAttempt || !isPortTaken(err) {
			return nil, errors.Join(err, p.abandon(ctx))
		}
	}
}

// Remove removes all containers with a label, running or not, and their data.
func Remove(ctx context.Context, label string) error {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("remove containers: %w", err)
	}
	defer docker.Close() // only drops idle connections
	found, err := docker.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelKey+"="+label),
	})
	if err != nil {
		return fmt.Errorf("remove containers: %w", err)
	}
	for _, c := range found.Items {
		options := client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}
		if _, err := docker.ContainerRemove(ctx, c.ID, options); err != nil {
			return fmt.Errorf("remove container %s: %w", c.ID, err)
		}
	}
	return nil
}

// fetchAll makes sure that all images for opts are present, and returns their names.
func fetchAll(ctx context.Context, opts Options) (Images, error) {
	images := Images{
		RabbitMQ:      cmp.Or(opts.Images.RabbitMQ, "rabbitmq:3.13"),
		Elasticsearch: cmp.Or(opts.Images.Elasticsearch, "docker.elastic.co/elasticsearch/elasticsearch:7.17.28"),
	}
	if opts.WithoutElasticsearch {
		images.Elasticsearch = ""
		return images, fetch(ctx, images.RabbitMQ)
	}
	if err := fetch(ctx, images.RabbitMQ); err != nil {
		return Images{}, err
	}
	return images, fetch(ctx, images.Elasticsearch)
}

// fetch pulls an image unless it is present. testcontainers would do so too, but it takes a quarter
// of an hour to report an unreachable registry.
func fetch(ctx context.Context, image string) error {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("inspect image %s: %w", image, err)
	}
	defer docker.Close() // only drops idle connections
	if _, err := docker.ImageInspect(ctx, image); err == nil {
		return nil
	}
	pull, err := docker.ImagePull(ctx, image, client.ImagePullOptions{})
	if err == nil {
		err = pull.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("image %s %w: %w", image, ErrNoImage, err)
	}
	return nil
}

// start starts the containers concurrently. After an error some may be left.
func (p *pair) start(ctx context.Context, images Images, attempt int) error {
	if err := Remove(ctx, p.label); err != nil {
		return err
	}
	forBroker, forElasticsearch := hostPorts(p.label, attempt)
	var both sync.WaitGroup
	var brokerErr, elasticsearchErr error
	both.Go(func() { brokerErr = p.runBroker(ctx, images.RabbitMQ, forBroker) })
	if images.Elasticsearch != "" {
		both.Go(func() { elasticsearchErr = p.runElasticsearch(ctx, images.Elasticsearch, forElasticsearch) })
	}
	both.Wait()
	if err := errors.Join(brokerErr, elasticsearchErr); err != nil {
		return err
	}
	return p.await(ctx, p.urls)
}

func (p *pair) runBroker(ctx context.Context, image, hostPort string) (err error) {
	env := map[string]string{
		"RABBITMQ_DEFAULT_USER": user, "RABBITMQ_DEFAULT_PASS": user,
		// Otherwise its schedulers wait by spinning.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
	}
	p.broker, err = p.run(ctx, image, brokerPort, hostPort, env)
	if err != nil {
		return fmt.Errorf("start RabbitMQ: %w", err)
	}
	endpoint, err := p.broker.PortEndpoint(ctx, brokerPort, "")
	p.urls.RabbitMQ = fmt.Sprintf("amqp://%s:%s@%s/", user, user, endpoint)
	return err
}

func (p *pair) runElasticsearch(ctx context.Context, image, hostPort string) (err error) {
	p.elasticsearch, err = p.run(ctx, image, elasticsearchPort, hostPort, map[string]string{
		"discovery.type":         "single-node",
		"xpack.security.enabled": "false",
		// With the first two it does not take half of the memory. With the third it compiles less
		// of itself and starts in half the processor time.
		"ES_JAVA_OPTS": "-Xms256m -Xmx256m -XX:TieredStopAtLevel=1",
		// Otherwise it refuses to write on a machine whose disk is nearly full, however little is
		// written.
		"cluster.routing.allocation.disk.threshold_enabled": "false",
	})
	if err != nil {
		return fmt.Errorf("start Elasticsearch: %w", err)
	}
	p.urls.Elasticsearch, err = p.elasticsearch.PortEndpoint(ctx, elasticsearchPort, "http")
	return err
}

// run starts a container with a fixed host port. With one that Docker chooses, the port would
// change at every start of the container.
func (p *pair) run(ctx context.Context, image, port, hostPort string, env map[string]string) (*testcontainers.DockerContainer, error) {
	inside, err := network.ParsePort(port)
	if err != nil {
		return nil, err
	}
	return testcontainers.Run(ctx, image,
		testcontainers.WithEnv(env),
		testcontainers.WithLabels(map[string]string{labelKey: p.label}),
		testcontainers.WithExposedPorts(port),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
			host.PortBindings = network.PortMap{inside: {{HostPort: hostPort}}}
		}))
}

// hostPorts returns the ports to try in an attempt. They are below the range that kernels use for
// outgoing connections, so that a restarted broker finds its port free.
func hostPorts(label string, attempt int) (forBroker, forElasticsearch string) {
	slot := (int(crc32.ChecksumIEEE([]byte(label))) + attempt) % portPairs
	return strconv.Itoa(firstPort + 2*slot), strconv.Itoa(firstPort + 2*slot + 1)
}

// isPortTaken reports whether a port is in use. Docker reports it only by these texts, its own and
// the kernel's.
func isPortTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "port is already allocated") || strings.Contains(text, "address already in use")
}

// abandon removes what a failed start left, even if ctx is done.
func (p *pair) abandon(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	for range 10 { // for a second: the daemon may still carry out requests that were canceled
		err = Remove(ctx, p.label)
		time.Sleep(100 * time.Millisecond)
	}
	return err
}
