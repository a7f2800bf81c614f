// Command v1 is chapter 1: an object store in one process. An object is a name and bytes; REST stores
// it and returns it.
//
//	LISTEN_ADDRESS=:8888 STORE_ROOT=/tmp/store go run .
package main

import (
	"context"
	"log/slog"

	"gostore/chapter1/objects"
	"gostore/common/files"
	"gostore/common/httpd"
	"gostore/common/service"
)

// maxBodies is how many objects are on their way at the same time, however many clients there are.
// For each there are some 100 KB in memory.
const maxBodies = 512

func main() {
	service.Main(run)
}

func run(ctx context.Context, env *service.Env, log *slog.Logger) error {
	listen, root, certs := env.Required("LISTEN_ADDRESS"), env.Directory("STORE_ROOT"), env.TLS()
	if err := env.Err(); err != nil {
		return err
	}
	dir, err := files.Open(root)
	if err != nil {
		return err
	}
	defer dir.Close() // the process ends and releases the lock with it
	env.Metrics().DiskFree(dir.Free)
	return httpd.Serve(ctx, listen, certs.Public, httpd.Routes{
		"objects": httpd.Admit(maxBodies, objects.Handler(dir), log),
		"healthz": httpd.Health(dir.Writable),
	}, env.Metrics(), log)
}
