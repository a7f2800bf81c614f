// Command dataservice stores content on its disk, tells the API services every second that it is
// alive, and answers when they ask which data service holds an object.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"gostore/chapter4/dataservice/heartbeat"
	"gostore/chapter4/dataservice/locate"
	"gostore/chapter4/dataservice/objects"
	"gostore/chapter4/dataservice/store"
	"gostore/chapter4/dataservice/temp"
	"gostore/common/files"
	"gostore/common/httpd"
	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/common/service"
)

func main() {
	service.Main(run)
}

func run(ctx context.Context, env *service.Env, log *slog.Logger) error {
	listen, root, certs := env.Required("LISTEN_ADDRESS"), env.Directory("STORE_ROOT"), env.TLS()
	address := env.Advertised(listen)
	brokerURL, prefix := env.Required("RABBITMQ_SERVER"), env.Optional("RABBITMQ_PREFIX")
	if err := env.Err(); err != nil {
		return err
	}
	broker, err := rabbitmq.New(brokerURL, prefix, certs.Servers, env.Metrics(), log)
	if err != nil {
		return err
	}
	dir, err := files.Open(root)
	if err != nil {
		return err
	}
	defer dir.Close() // the process ends and releases the lock with it
	content, err := store.Open(dir, env.Metrics())
	if err != nil {
		return err
	}
	locate.Answer(broker, address, content, log)
	return serve(ctx, listen, address, certs, content, files.NewWatched(dir), broker, env.Metrics(), log)
}

// serve announces the service for as long as it answers requests, and stays connected to the broker
// until the last of them is done.
func serve(ctx context.Context, listen, address string, certs service.TLS, content *store.Store, disk *files.Watched, broker *rabbitmq.Client, stats *metrics.Set, log *slog.Logger) error {
	uploads := temp.NewUploads(content)
	stats.DiskFree(disk.Free)
	brokerCtx, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { broker.Run(brokerCtx) })
	background.Go(func() { disk.Watch(ctx) })
	background.Go(func() { disk.Follow(ctx, content.Refresh) })
	background.Go(func() { heartbeat.Announce(ctx, broker, address, disk.Free) })
	background.Go(func() { uploads.Sweep(ctx, log) })
	defer background.Wait()
	defer disconnect()
	return httpd.Serve(ctx, listen, certs.Mutual(log), httpd.Routes{
		"objects": objects.Handler(content),
		"temp":    temp.Handler(uploads),
		"locate":  locate.Handler(address, content),
		"healthz": httpd.Health(func() error { _, err := broker.Since(); return cmp.Or(disk.Ready(), err) }),
	}, stats, log)
}
