// Command dataservice stores objects on its disk, tells the API services every second that it is
// alive, and answers when they ask which data service holds an object.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"gostore/chapter2/dataservice/heartbeat"
	"gostore/chapter2/dataservice/locate"
	"gostore/chapter2/dataservice/objects"
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
	locate.Answer(broker, address, dir, log)
	return serve(ctx, listen, address, certs, dir, files.NewWatched(dir), broker, env.Metrics(), log)
}

// serve announces the service for as long as it answers requests, and stays connected to the broker
// until the last of them is done.
func serve(ctx context.Context, listen, address string, certs service.TLS, dir *files.Dir, disk *files.Watched, broker *rabbitmq.Client, stats *metrics.Set, log *slog.Logger) error {
	stats.DiskFree(disk.Free)
	brokerCtx, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { broker.Run(brokerCtx) })
	background.Go(func() { disk.Watch(ctx) })
	background.Go(func() { heartbeat.Announce(ctx, broker, address, disk.Free) })
	defer background.Wait()
	defer disconnect()
	return httpd.Serve(ctx, listen, certs.Mutual(log), httpd.Routes{
		"objects": objects.Handler(dir),
		"locate":  locate.Handler(address, dir),
		"healthz": httpd.Health(func() error { _, err := broker.Since(); return cmp.Or(disk.Ready(), err) }),
	}, stats, log)
}
