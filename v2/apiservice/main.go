// Command apiservice is what clients talk to. It stores nothing itself: it finds the data service
// that holds an object, or chooses one for a new object, and passes the bytes through.
package main

import (
	"context"
	"log/slog"
	"sync"

	"gostore/chapter2/apiservice/heartbeat"
	"gostore/chapter2/apiservice/locate"
	"gostore/chapter2/apiservice/objects"
	"gostore/chapter2/apiservice/objectstream"
	"gostore/common/httpd"
	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/common/service"
)

// maxBodies is how many objects are on their way at the same time, however many clients there are.
// For each there are some 100 KB in memory.
const maxBodies = 512

func main() {
	service.Main(run)
}

func run(ctx context.Context, env *service.Env, log *slog.Logger) error {
	listen, certs, stats := env.Required("LISTEN_ADDRESS"), env.TLS(), env.Metrics()
	brokerURL, prefix := env.Required("RABBITMQ_SERVER"), env.Optional("RABBITMQ_PREFIX")
	if err := env.Err(); err != nil {
		return err
	}
	broker, err := rabbitmq.New(brokerURL, prefix, certs.Servers, stats, log)
	if err != nil {
		return err
	}
	dataServices := heartbeat.NewMonitor(broker)
	return serve(ctx, listen, certs, dataServices, broker, stats, log)
}

// serve stays connected to the broker until the last request is done.
func serve(ctx context.Context, listen string, certs service.TLS, dataServices *heartbeat.Monitor, broker *rabbitmq.Client, stats *metrics.Set, log *slog.Logger) error {
	brokerCtx, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { broker.Run(brokerCtx) })
	defer background.Wait()
	defer disconnect()
	streams := objectstream.NewClient(certs.Peers)
	background.Go(func() { streams.Probe(brokerCtx) })
	locator := locate.NewLocator(broker, dataServices.Known, streams.Client, stats.Locates(), log)
	return httpd.Serve(ctx, listen, certs.Public, httpd.Routes{
		"objects": httpd.Admit(maxBodies, objects.Handler(locator, dataServices, streams), log),
		"locate":  locate.Handler(locator),
		"healthz": httpd.Health(func() error { _, err := dataServices.Live(); return err }),
	}, stats, log)
}
