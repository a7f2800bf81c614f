//go:build docker

package main

import (
	"context"
	"os"

	"gostore/tests/stack"
	"gostore/tests/stack/docker"
)

func inDocker() startDocker {
	return func(ctx context.Context, label string, brokerOnly bool) (stack.Servers, error) {
		return docker.Start(ctx, docker.Options{
			Label:                label,
			Images:               docker.Images{RabbitMQ: os.Getenv("RABBITMQ_IMAGE"), Elasticsearch: os.Getenv("ES_IMAGE")},
			WithoutElasticsearch: brokerOnly,
		})
	}
}
