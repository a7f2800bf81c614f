package main

import (
	"context"
	"crypto/rand"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"gostore/tests/cluster"
)

// startMinIO starts six MinIO processes with a drive each, with four data and two parity shards.
func startMinIO(ctx context.Context, dir string, o options) (*target, error) {
	p, err := newPeer("-minio", o.minio)
	if err != nil {
		return nil, err
	}
	t, err := startDrives(ctx, p, dir, o)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	t.stop = p.stop
	return t, nil
}

func startDrives(ctx context.Context, p *peer, dir string, o options) (*target, error) {
	addresses, err := p.ports.Take(dataServices)
	if err != nil {
		return nil, err
	}
	user, password := rand.Text(), rand.Text()
	drives := make([]*cluster.Process, len(addresses))
	for i := range addresses {
		drives[i] = p.group.Add(driveOf(i, addresses, p.program, dir, user, password))
		if err := drives[i].Start(); err != nil {
			return nil, err
		}
	}
	built, err := buildinfo.ReadFile(p.program)
	if err != nil {
		return nil, err
	}
	about := fmt.Sprintf("%d processes with a drive each, EC:%d, %s %s", dataServices, parityShards, built.Main.Path, built.Main.Version)
	t := &target{name: "minio", about: about}
	t.stoppable = drives[dataServices-stoppedServices:]
	for _, drive := range drives {
		if err := drive.AwaitHealthy(ctx); err != nil {
			return nil, err
		}
		t.processes = append(t.processes, process{name: drive.Name, pid: drive.PID})
	}
	endpoint := &url.URL{Scheme: "http", Host: addresses[0]}
	t.client, err = newS3Client(ctx, endpoint, credentials.NewStaticV4(user, password, ""), o.unsigned)
	return t, err
}

func driveOf(i int, addresses []string, program, dir, user, password string) cluster.Program {
	args := []string{"server", "--address", addresses[i]}
	for j, address := range addresses {
		args = append(args, fmt.Sprintf("http://%s%s/%d", address, dir, j+1))
	}
	name := fmt.Sprintf("minio-%d", i+1)
	return cluster.Program{
		Name: name, Address: addresses[i], Path: program, Args: args,
		Env: []string{
			"HOME=" + dir,
			"MINIO_ROOT_USER=" + user, "MINIO_ROOT_PASSWORD=" + password,
			fmt.Sprintf("MINIO_STORAGE_CLASS_STANDARD=EC:%d", parityShards),
			"MINIO_BROWSER=off", "MINIO_UPDATE=off",
			"MINIO_ROOTDRIVE_THRESHOLD_SIZE=1B", // otherwise it refuses drives on the disk of the root directory
			"_MINIO_SERVER_LOCAL=" + addresses[i],
		},
		Health:  "/minio/health/cluster",
		LogFile: filepath.Join(dir, name+".log"),
	}
}
