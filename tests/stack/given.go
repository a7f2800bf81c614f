package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// given is a pair that the environment names. It cannot be stopped.
type given struct {
	urls     URLs
	versions string
}

func connectGiven(ctx context.Context) (Servers, error) {
	urls := URLs{RabbitMQ: os.Getenv("RABBITMQ_SERVER"), Elasticsearch: withScheme(os.Getenv("ES_SERVER"))}
	versions, err := AskVersions(ctx, urls)
	if err != nil {
		return nil, err
	}
	return &given{urls, versions}, nil
}

func withScheme(address string) string {
	if address == "" || strings.Contains(address, "://") {
		return address
	}
	return "http://" + address
}

func (g *given) URLs() URLs                               { return g.urls }
func (g *given) Versions() string                         { return g.versions }
func (g *given) StopBroker(context.Context) error         { return ErrUnsupported }
func (g *given) StartBroker(context.Context) error        { return ErrUnsupported }
func (g *given) StopElasticsearch(context.Context) error  { return ErrUnsupported }
func (g *given) StartElasticsearch(context.Context) error { return ErrUnsupported }
func (g *given) DropConnections(context.Context) error    { return ErrUnsupported }
func (g *given) BeginAlarm(context.Context) error         { return ErrUnsupported }
func (g *given) EndAlarm(context.Context) error           { return ErrUnsupported }
func (g *given) Close(context.Context) error              { return nil }

func (g *given) Counts(context.Context) (Counts, error) { return Counts{}, ErrUnsupported }

// EmbeddedFlavor is version.build_flavor of the embedded Elasticsearch. It reports the version
// number of the real one, which clients check.
const EmbeddedFlavor = "go-store embedded"

// AskVersions queries running servers and returns their versions as Servers.Versions does. It is an
// error if one does not answer. A server with an empty URL is not queried.
func AskVersions(ctx context.Context, urls URLs) (string, error) {
	var versions []string
	if urls.RabbitMQ != "" {
		version, err := rabbitMQVersion(urls.RabbitMQ)
		if err != nil {
			return "", err
		}
		versions = append(versions, version)
	}
	if urls.Elasticsearch != "" {
		version, err := elasticsearchVersion(ctx, urls.Elasticsearch)
		if err != nil {
			return "", err
		}
		versions = append(versions, version)
	}
	return strings.Join(versions, ", "), nil
}

func rabbitMQVersion(url string) (string, error) {
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: amqp.DefaultDial(5 * time.Second)})
	if err != nil {
		return "", fmt.Errorf("RabbitMQ: %w", err)
	}
	defer conn.Close() // nothing was sent
	return fmt.Sprintf("%v %v", conn.Properties["product"], conn.Properties["version"]), nil
}

func elasticsearchVersion(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("Elasticsearch: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("Elasticsearch: %w", err)
	}
	defer response.Body.Close() // decoded or in error
	var root struct {
		Version struct {
			Number string
			Flavor string `json:"build_flavor"`
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&root); err != nil {
		return "", fmt.Errorf("Elasticsearch: %w", err)
	}
	if root.Version.Flavor == EmbeddedFlavor {
		return EmbeddedFlavor + " Elasticsearch " + root.Version.Number, nil
	}
	return "Elasticsearch " + root.Version.Number, nil
}

// DeleteExchanges deletes exchanges of the broker at url. Missing ones are no error.
func DeleteExchanges(url string, names ...string) error {
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: amqp.DefaultDial(5 * time.Second)})
	if err != nil {
		return fmt.Errorf("delete exchanges: %w", err)
	}
	defer conn.Close() // every deletion was answered
	channel, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("delete exchanges: %w", err)
	}
	for _, name := range names {
		ifUnused, noWait := false, false
		if err := channel.ExchangeDelete(name, ifUnused, noWait); err != nil {
			return fmt.Errorf("delete exchange %s: %w", name, err)
		}
	}
	return nil
}

// DeleteIndices deletes the indices NAME-000001, … of the Elasticsearch at url, and their index
// template. Missing ones are no error.
func DeleteIndices(url, name string) error {
	for _, path := range []string{"/" + name + "-*", "/_index_template/" + name} {
		request, err := http.NewRequest(http.MethodDelete, url+path, nil)
		if err != nil {
			return fmt.Errorf("delete indices: %w", err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("delete indices: %w", err)
		}
		if err := response.Body.Close(); err != nil {
			return fmt.Errorf("delete indices: %w", err)
		}
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNotFound {
			return fmt.Errorf("delete %s: %s", path, response.Status)
		}
	}
	return nil
}

// Stoppable reports whether the servers can be stopped and started: given ones cannot.
func Stoppable(s Servers) bool {
	_, isGiven := s.(*given)
	return !isGiven
}
