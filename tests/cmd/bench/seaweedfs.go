package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"gostore/tests/cluster"
)

// seaweedRules has the filer keep three copies of each object, each on its own volume server, and fsync them.
const seaweedRules = `{"locations": [{"locationPrefix": "/buckets/", "replication": "002", "fsync": true}]}`

// startSeaweedFS starts a master, six volume servers, and a filer with its S3 gateway.
func startSeaweedFS(ctx context.Context, dir string, o options) (*target, error) {
	program, err := exec.LookPath(o.seaweed)
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, fmt.Errorf("-seaweedfs: %w", err)
	}
	ports, err := cluster.ReservePorts()
	if err != nil {
		return nil, err
	}
	group, err := cluster.NewGroup()
	if err != nil {
		return nil, errors.Join(err, ports.Release())
	}
	s := &seaweedFS{group: group, ports: ports, program: program, dir: dir}
	stop := func() error { return errors.Join(group.Stop(), ports.Release()) }
	t, err := s.start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	t.stop = stop
	return t, nil
}

type seaweedFS struct {
	group   *cluster.Group
	ports   *cluster.Ports
	program string
	dir     string
	started []process
}

func (s *seaweedFS) start(ctx context.Context, o options) (*target, error) {
	built, err := buildinfo.ReadFile(s.program)
	if err != nil {
		return nil, err
	}
	_, master, err := s.server(ctx, "master", "master", "/cluster/healthz", "-mdir", "-volumeSizeLimitMB=1024")
	if err != nil {
		return nil, err
	}
	for i := range dataServices {
		name := fmt.Sprintf("volume-%d", i+1)
		if _, _, err := s.server(ctx, "volume", name, "/healthz", "-dir", "-max=0", "-mserver="+master); err != nil {
			return nil, err
		}
	}
	gateway, err := s.ports.Take(2)
	if err != nil {
		return nil, err
	}
	filer, _, err := s.server(ctx, "filer", "filer", "/healthz", "-defaultStoreDir", "-master="+master,
		"-s3", "-s3.port="+portOf(gateway[0]), "-s3.port.grpc="+portOf(gateway[1]))
	if err != nil {
		return nil, err
	}
	if err := configure(ctx, "http://"+filer+"/etc/seaweedfs/filer.conf"); err != nil {
		return nil, err
	}
	t := &target{name: "seaweedfs", processes: s.started, about: fmt.Sprintf(
		"a master, %d volume servers, a filer with S3; three copies, fsync; %s %s", dataServices, built.Main.Path, built.Main.Version)}
	t.client, err = newS3Client(ctx, &url.URL{Scheme: "http", Host: gateway[0]}, credentials.NewStaticV4("any", "any", ""), o.unsigned)
	return t, err
}

// server starts a server of a kind, with two ports and a directory of its own, which dirFlag tells it. When it
// is healthy it returns its address, HOST:PORT, for other servers with the port of gRPC, HOST:PORT.PORT.
func (s *seaweedFS) server(ctx context.Context, kind, name, health, dirFlag string, args ...string) (address, forServers string, err error) {
	addresses, err := s.ports.Take(2)
	if err != nil {
		return "", "", err
	}
	dir := filepath.Join(s.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", "", err
	}
	own := []string{kind, "-ip=127.0.0.1", "-port=" + portOf(addresses[0]), "-port.grpc=" + portOf(addresses[1]), dirFlag + "=" + dir}
	p := s.group.Add(cluster.Program{
		Name: name, Address: addresses[0], Path: s.program, Args: append(own, args...), Env: []string{"HOME=" + dir},
		Health: health, LogFile: filepath.Join(s.dir, name+".log"),
	})
	if err := p.Start(); err != nil {
		return "", "", err
	}
	s.started = append(s.started, process{name: name, pid: p.PID})
	return addresses[0], addresses[0] + "." + portOf(addresses[1]), p.AwaitHealthy(ctx)
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address) // it is one of cluster.Ports
	return port
}

// configure gives the filer its rules. It follows changes of that file.
func configure(ctx context.Context, conf string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, conf, strings.NewReader(seaweedRules))
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: newTransport()}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() // only its status is of interest
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("PUT %s: %s", conf, response.Status)
	}
	return nil
}
