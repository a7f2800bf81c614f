// Command apiservice is what clients talk to. It stores nothing itself: names and versions are in
// Elasticsearch. It cuts content into shards for the data services, and puts it together from theirs.
package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gostore/chapter6/apiservice/erasure"
	"gostore/chapter6/apiservice/heartbeat"
	"gostore/chapter6/apiservice/locate"
	"gostore/chapter6/apiservice/objects"
	"gostore/chapter6/apiservice/objectstream"
	"gostore/chapter6/apiservice/uploads"
	"gostore/chapter6/apiservice/versions"
	"gostore/common/es"
	"gostore/common/httpd"
	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/common/service"
)

// maxBodies is how many objects are on their way at the same time, however many clients there are.
// Of each there is a stripe in memory, with buffers some 1.2 MB. More would also have data services
// time out.
const maxBodies = 64

func main() {
	service.Main(run)
}

func run(ctx context.Context, env *service.Env, log *slog.Logger) error {
	listen, certs, stats := env.Required("LISTEN_ADDRESS"), env.TLS(), env.Metrics()
	brokerURL, prefix := env.Required("RABBITMQ_SERVER"), env.Optional("RABBITMQ_PREFIX")
	metadataConfig := es.Config{
		URL: env.Required("ES_SERVER"), TLS: certs.Servers, Index: env.OrElse("ES_INDEX", "metadata"),
		MaxAge: env.OrElse("ES_MAX_AGE", "30d"), MaxSize: env.OrElse("ES_MAX_SIZE", "20gb"),
	}
	age := env.Duration("UPLOAD_AGE", 24*time.Hour)
	if err := env.Err(); err != nil {
		return err
	}
	broker, err := rabbitmq.New(brokerURL, prefix, certs.Servers, stats, log)
	if err != nil {
		return err
	}
	metadata, err := es.New(metadataConfig, stats, log)
	if err != nil {
		return err
	}
	defer metadata.Close()
	dataServices := heartbeat.NewMonitor(broker)
	return serve(ctx, listen, certs, dataServices, broker, metadata, age, stats, log)
}

// serve stays connected to the broker until the last request is done.
func serve(ctx context.Context, listen string, certs service.TLS, dataServices *heartbeat.Monitor, broker *rabbitmq.Client, metadata *es.Client, age time.Duration, stats *metrics.Set, log *slog.Logger) error {
	brokerCtx, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { broker.Run(brokerCtx) })
	background.Go(func() { metadata.Run(brokerCtx) })
	defer background.Wait()
	defer disconnect()
	streams := objectstream.NewClient(certs.Peers)
	background.Go(func() { streams.Probe(brokerCtx) })
	locator := locate.NewLocator(broker, dataServices.Known, streams.Client, stats.Locates(), log)
	codec, err := erasure.NewCodec(streams)
	if err != nil {
		return err
	}
	repairer := erasure.NewRepairer(codec, locator, dataServices, stats.Repaired(), log)
	background.Go(func() { repairer.Run(brokerCtx) })
	resumable := uploads.New(locator, dataServices, streams, codec, metadata, age)
	bodies := httpd.Admit(maxBodies, httpd.Routes{
		"objects": objects.Handler(locator, dataServices, codec, repairer, metadata, resumable.Creation()),
		"uploads": resumable.Handler(),
	}, log)
	return httpd.Serve(ctx, listen, certs.Public, httpd.Routes{
		"objects":  bodies,
		"uploads":  bodies,
		"versions": versions.Handler(metadata),
		"locate":   locate.Handler(locator),
		"healthz":  httpd.Health(func() error { return ready(ctx, dataServices, metadata) }),
	}, stats, log)
}

func ready(ctx context.Context, dataServices *heartbeat.Monitor, metadata *es.Client) error {
	if _, err := dataServices.Live(); err != nil {
		return err
	}
	return metadata.Ready(ctx)
}
