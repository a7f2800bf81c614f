// Command apiservice is what clients talk to. It stores nothing itself: names and versions are in
// Elasticsearch. It cuts content into shards for the data services, and puts it together from theirs.
package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"gostore/chapter9/apiservice/erasure"
	"gostore/chapter9/apiservice/heartbeat"
	"gostore/chapter9/apiservice/locate"
	"gostore/chapter9/apiservice/maintenance"
	"gostore/chapter9/apiservice/objects"
	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/apiservice/placement"
	"gostore/chapter9/apiservice/uploads"
	"gostore/chapter9/apiservice/versions"
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

// memoryLimit has the garbage collector run more often than it would by itself when memory comes near: what is reused
// counts as in use, and it would let twice that grow. GOMEMLIMIT says otherwise.
const memoryLimit = 56 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	service.Main(run)
}

func run(ctx context.Context, env *service.Env, log *slog.Logger) error {
	listen, certs, stats := env.Required("LISTEN_ADDRESS"), env.TLS(), env.Metrics()
	brokerURL, prefix := env.Required("RABBITMQ_SERVER"), env.Optional("RABBITMQ_PREFIX")
	metadataConfig := es.Config{
		URL: env.Required("ES_SERVER"), TLS: certs.Servers, Index: env.OrElse("ES_INDEX", "metadata"),
		MaxAge: env.OrElse("ES_MAX_AGE", "30d"), MaxSize: env.OrElse("ES_MAX_SIZE", "20gb"),
	}
	age, upkeep := env.Duration("UPLOAD_AGE", 24*time.Hour), maintenance.ConfigOf(env)
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
	return serve(ctx, listen, certs, dataServices, broker, metadata, age, upkeep, stats, log)
}

// serve stays connected to the broker until the last request is done.
func serve(ctx context.Context, listen string, certs service.TLS, dataServices *heartbeat.Monitor, broker *rabbitmq.Client, metadata *es.Client, age time.Duration, upkeep maintenance.Config, stats *metrics.Set, log *slog.Logger) error {
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
	history := maintenance.NewVersions(metadata, maintenance.NewClaims(locator, streams))
	maintainer := maintenance.New(upkeep, listen, history, dataServices, locator, streams, repairer, log)
	background.Go(func() { maintainer.Run(ctx) })
	resumable := uploads.New(locator, dataServices, streams, codec, history, age)
	bodies := httpd.Admit(maxBodies, httpd.Routes{
		"objects": objects.Handler(locator, dataServices, codec, repairer, history, placement.NewHomes(dataServices.Known), resumable.Creation()),
		"uploads": resumable.Handler(),
	}, log)
	return httpd.Serve(ctx, listen, certs.Public, httpd.Routes{
		"objects":  bodies,
		"uploads":  bodies,
		"versions": versions.Handler(history),
		"locate":   locate.Handler(locator),
		"healthz":  httpd.Health(func() error { return ready(ctx, dataServices, metadata) }),

		"maintenance": maintenance.Handler(maintainer),
	}, stats, log)
}

func ready(ctx context.Context, dataServices *heartbeat.Monitor, metadata *es.Client) error {
	if _, err := dataServices.Live(); err != nil {
		return err
	}
	return metadata.Ready(ctx)
}
