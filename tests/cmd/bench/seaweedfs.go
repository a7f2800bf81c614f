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
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"gostore/tests/cluster"
)

// seaweedRules has the filer keep three copies of each object, each on its own volume server, and fsync them.
const seaweedRules = `{"locations": [{"locationPrefix": "/buckets/", "replication": "002", "fsync": true}]}`

// startSeaweedFS starts a master, six volume servers, a filer and an S3 gateway.
func startSeaweedFS(ctx context.Context, dir string, o options) (*target, error) {
	p, err := newPeer("-seaweedfs", o.seaweed)
	if err != nil {
		return nil, err
	}
	s := &seaweedFS{peer: p, dir: dir}
	t, err := s.start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	t.stop = s.stop
	return t, nil
}

type seaweedFS struct {
	*peer
	dir     string
	servers []*cluster.Process
}

// stop kills: the filer does not stop without the others, and their data is removed anyway.
func (s *seaweedFS) stop() error {
	for _, p := range s.servers {
		p.Kill()
	}
	return s.peer.stop()
}

func (s *seaweedFS) start(ctx context.Context, o options) (*target, error) {
	built, err := buildinfo.ReadFile(s.program)
	if err != nil {
		return nil, err
	}
	_, master, err := s.server(ctx, "master", "master", "/cluster/healthz", "-ip=127.0.0.1", "-mdir="+s.dir, "-volumeSizeLimitMB=1024")
	if err != nil {
		return nil, err
	}
	for i := range dataServices {
		name := fmt.Sprintf("volume-%d", i+1)
		own := filepath.Join(s.dir, name)
		if err := os.Mkdir(own, 0o755); err != nil {
			return nil, err
		}
		if _, _, err := s.server(ctx, "volume", name, "/healthz", "-ip=127.0.0.1", "-dir="+own, "-max=0", "-mserver="+master); err != nil {
			return nil, err
		}
	}
	rules, filer, err := s.server(ctx, "filer", "filer", "/healthz", "-ip=127.0.0.1", "-defaultStoreDir="+s.dir, "-master="+master)
	if err == nil {
		err = configure(ctx, "http://"+rules+"/etc/seaweedfs/filer.conf")
	}
	if err != nil {
		return nil, err
	}
	gateway, _, err := s.server(ctx, "s3", "s3", "/healthz", "-ip.bind=127.0.0.1", "-filer="+filer)
	if err != nil {
		return nil, err
	}
	t := &target{name: "seaweedfs", about: fmt.Sprintf(
		"a master, %d volume servers, a filer, an S3 gateway; three copies, fsync; %s %s", dataServices, built.Main.Path, built.Main.Version)}
	for _, p := range s.servers {
		t.processes = append(t.processes, process{name: p.Name, pid: p.PID})
	}
	t.client, err = newS3Client(ctx, &url.URL{Scheme: "http", Host: gateway}, credentials.NewStaticV4("any", "any", ""), o.unsigned)
	return t, err
}

// server starts a server of a kind with two ports of its own. When it is healthy it returns its address,
// HOST:PORT, for other servers with the port of gRPC, HOST:PORT.PORT.
func (s *seaweedFS) server(ctx context.Context, kind, name, health string, args ...string) (address, forServers string, err error) {
	addresses, err := s.ports.Take(2)
	if err != nil {
		return "", "", err
	}
	p := s.group.Add(cluster.Program{
		Name: name, Address: addresses[0], Path: s.program, Health: health,
		Args: append([]string{kind, "-port=" + portOf(addresses[0]), "-port.grpc=" + portOf(addresses[1])}, args...),
		Env:  []string{"HOME=" + s.dir}, LogFile: filepath.Join(s.dir, name+".log"),
	})
	if err := p.Start(); err != nil {
		return "", "", err
	}
	s.servers = append(s.servers, p)
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
