// Package docker runs the real RabbitMQ and the real Elasticsearch in containers, by testcontainers.
//
// Containers are marked with a label. Close removes them; those of a process that was killed are
// removed by testcontainers' reaper, or, where that is disabled (TESTCONTAINERS_RYUK_DISABLED), by
// the next Start with the same label.
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

// ErrNoImage is returned by Start where an image cannot be had.
var ErrNoImage = errors.New("is not here and cannot be pulled")

// labelKey is the name of the containers' label; its value is Options.Label.
const labelKey = "gostore.stack"

const (
	brokerPort        = "5672/tcp"
	elasticsearchPort = "9200/tcp"
	user              = "gostore" // and password
	cleanupPatience   = 30 * time.Second
)

// Host ports come in places of two.
const (
	firstPort   = 10000
	places      = 4000
	lastAttempt = 20 // to find one that is free
)

// Images are the names of the images to run, by default the official ones. One that is there is not
// pulled. They must take the environment variables that the official ones take, or not need them.
type Images struct{ RabbitMQ, Elasticsearch string }

// Options say what to run.
type Options struct {
	Label                string // marks the containers; one pair at a time can have it
	Images               Images
	WithoutElasticsearch bool
}

// Start starts a pair and returns when it answers. It first removes what is left of an earlier pair
// of the same label.
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

// Remove removes all containers of a label, running or not, with their data.
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

// fetchAll returns the names of the images that opts asks for, which are there by then.
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

// fetch pulls an image unless it is there. testcontainers would do that too, but it tries for a
// quarter of an hour before it says that the registry cannot be reached.
func fetch(ctx context.Context, image string) error {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("look for image %s: %w", image, err)
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

// start starts the containers side by side. After an error, containers may be left.
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
	env := map[string]string{"RABBITMQ_DEFAULT_USER": user, "RABBITMQ_DEFAULT_PASS": user}
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
		// Without the first two it takes half of the memory; with the third it starts on half the
		// processor time, since it compiles itself less.
		"ES_JAVA_OPTS": "-Xms256m -Xmx256m -XX:TieredStopAtLevel=1",
		// It would refuse to write on a machine whose disk is nearly full, however little is written.
		"cluster.routing.allocation.disk.threshold_enabled": "false",
	})
	if err != nil {
		return fmt.Errorf("start Elasticsearch: %w", err)
	}
	p.urls.Elasticsearch, err = p.elasticsearch.PortEndpoint(ctx, elasticsearchPort, "http")
	return err
}

// run starts a container with a port of the host's that stays the same whenever the container is
// started again, where Docker left to itself would take another one.
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

// hostPorts returns the ports to try in an attempt. They lie below those that kernels take for
// outgoing connections, so that a broker that is started again finds its port free.
func hostPorts(label string, attempt int) (forBroker, forElasticsearch string) {
	place := (int(crc32.ChecksumIEEE([]byte(label))) + attempt) % places
	return strconv.Itoa(firstPort + 2*place), strconv.Itoa(firstPort + 2*place + 1)
}

// isPortTaken tells whether somebody else has a port. Docker has no other way to say so than these
// words, its own and the kernel's.
func isPortTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, "port is already allocated") || strings.Contains(text, "address already in use")
}

// abandon removes what a failed start left, also if it failed because ctx is done.
func (p *pair) abandon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupPatience)
	defer cancel()
	return Remove(ctx, p.label)
}
