// Command dataservice stores content on its disk, tells the API services every second that it is
// alive, and answers when they ask which data service holds an object.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"gostore/chapter9/dataservice/heartbeat"
	"gostore/chapter9/dataservice/locate"
	"gostore/chapter9/dataservice/maintenance"
	"gostore/chapter9/dataservice/objects"
	"gostore/chapter9/dataservice/store"
	"gostore/chapter9/dataservice/temp"
	"gostore/chapter9/dataservice/uploads"
	"gostore/common/files"
	"gostore/common/httpd"
	"gostore/common/metrics"
	"gostore/common/rabbitmq"
	"gostore/common/service"
)

func main() {
	debug.SetGCPercent(50) // most of the heap is the index, a million names: garbage need not be as much again
	service.Main(run)
}

func run(ctx context.Context, env *service.Env, log *slog.Logger) error {
	listen, root, certs := env.Required("LISTEN_ADDRESS"), env.Directory("STORE_ROOT"), env.TLS()
	address := env.Advertised(listen)
	brokerURL, prefix := env.Required("RABBITMQ_SERVER"), env.Optional("RABBITMQ_PREFIX")
	age, orphanAge := env.Duration("UPLOAD_AGE", 24*time.Hour), env.Duration("ORPHAN_AGE", time.Hour)
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
	content, err := store.Open(dir, orphanAge, env.Metrics())
	if err != nil {
		return err
	}
	resumable, err := uploads.Open(dir, content, log)
	if err != nil {
		return err
	}
	locate.Answer(broker, address, either{content, resumable}, log)
	return serve(ctx, listen, address, certs, either{content, resumable}, age, files.NewWatched(dir), broker, env.Metrics(), log)
}

// either is asked for content by its hash, and for uploads by their ID.
type either struct {
	*store.Store
	uploads *uploads.Uploads
}

func (e either) Has(name string) (bool, error) {
	if e.uploads.Has(name) {
		return true, nil
	}
	return e.Store.Has(name)
}

// serve announces the service for as long as it answers requests, and stays connected to the broker
// until the last of them is done.
func serve(ctx context.Context, listen, address string, certs service.TLS, content either, age time.Duration, disk *files.Watched, broker *rabbitmq.Client, stats *metrics.Set, log *slog.Logger) error {
	whole := temp.NewUploads(content.Store)
	stats.DiskFree(disk.Free)
	brokerCtx, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { broker.Run(brokerCtx) })
	background.Go(func() { disk.Watch(ctx) })
	background.Go(func() { disk.Follow(ctx, content.Refresh) })
	background.Go(func() { heartbeat.Announce(ctx, broker, address, disk.Free) })
	background.Go(func() { whole.Sweep(ctx, log) })
	background.Go(func() { content.uploads.Sweep(ctx, age, log) })
	defer background.Wait()
	defer disconnect()
	return httpd.Serve(ctx, listen, certs.Mutual(log), httpd.Routes{
		"objects": objects.Handler(content.Store),
		"temp":    temp.Handler(whole),
		"uploads": uploads.Handler(content.uploads),
		"locate":  locate.Handler(address, content),
		"healthz": httpd.Health(func() error { _, err := broker.Since(); return cmp.Or(disk.Ready(), err) }),

		"maintenance": maintenance.Handler(content.Store, content.uploads, log),
	}, stats, log)
}
