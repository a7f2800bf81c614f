package deploy

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/cluster"
	"gostore/tests/stack/broker"
	"gostore/tests/stack/elastic"
	"gostore/tests/suite"
)

// recovery is how long a cut may be felt after its end.
const recovery = 10 * time.Second

// TestPartitions has a machine for each service, and unplugs one after the other while clients write.
func TestPartitions(t *testing.T) {
	if os.Getenv("STACK") == "docker" {
		t.Skip("it brings the embedded servers, which know no Docker network")
	}
	s := newMachines(t)
	stop := s.write(t)
	t.Run("DataService", s.dataServiceIsCut)
	t.Run("APIService", s.apiServiceIsCut)
	t.Run("Broker", s.brokerIsCut)
	stop()
	require.Greater(t, len(s.acknowledged), 20)
	for name := range s.acknowledged {
		require.NoError(t, s.get(t, s.apis[0], name))
	}
}

// dataServiceIsCut: both API services go on, and the data service takes part again when it is back.
func (s *machines) dataServiceIsCut(t *testing.T) {
	require.NoError(t, s.wires.cut("data-3"))
	for range 5 {
		s.requireService(t, s.apis...)
	}
	require.NoError(t, s.wires.heal("data-3"))
	before := s.shards(t, "data-3")
	suite.Eventually(t, recovery, func() error {
		s.requireService(t, s.apis...)
		if s.shards(t, "data-3") == before {
			return fmt.Errorf("data-3 gets no shards")
		}
		return nil
	})
}

// apiServiceIsCut: the other one goes on.
func (s *machines) apiServiceIsCut(t *testing.T) {
	require.NoError(t, s.wires.cut("api-1"))
	for range 5 {
		s.requireService(t, s.apis[1])
	}
	require.True(t, os.IsTimeout(s.healthy(t, s.apis[0])), "it is cut")
	require.NoError(t, s.wires.heal("api-1"))
	suite.Eventually(t, recovery, func() error { return s.healthy(t, s.apis[0]) })
	s.requireService(t, s.apis...)
}

// brokerIsCut: in the first seconds a request may still succeed; what does not is 503, never "not found"
// of an object that is there. All is well a moment after the end.
func (s *machines) brokerIsCut(t *testing.T) {
	name, err := s.put(t, s.apis[0], 50<<10)
	require.NoError(t, err)
	require.NoError(t, s.wires.cut("broker"))
	t.Cleanup(func() { _ = s.wires.heal("broker") }) // if the test has failed
	for _, api := range s.apis {
		suite.Eventually(t, recovery, func() error {
			err := s.get(t, api, name)
			switch {
			case err == nil:
				return fmt.Errorf("it has not been noticed")
			case strings.Contains(err.Error(), "503 Service Unavailable: no data service is alive"):
				return err // their heartbeats are missed first
			}
			requireRefused(t, err)
			return nil
		})
		requireRefused(t, s.healthy(t, api))
		_, err := s.put(t, api, 2<<20)
		requireRefused(t, err)
	}
	require.NoError(t, s.wires.heal("broker"))
	for _, api := range s.apis {
		suite.Eventually(t, recovery, func() error { return s.healthy(t, api) })
	}
	s.requireService(t, s.apis...)
}

func requireRefused(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "503 Service Unavailable: ")
	require.ErrorContains(t, err, "the message broker cannot be reached")
}

// machines is a store with a machine for each service.
type machines struct {
	wires  *wires
	dir    string
	apis   []string // URLs of the API services
	client *http.Client

	mu           sync.Mutex
	acknowledged map[string][]byte
}

func newMachines(t *testing.T) *machines {
	apis, data := []string{"api-1", "api-2"}, []string{"data-1", "data-2", "data-3", "data-4", "data-5", "data-6"}
	w := newWires(t, append(append([]string{"broker", "elasticsearch"}, apis...), data...)...)
	s := &machines{wires: w, dir: t.TempDir(), acknowledged: map[string][]byte{},
		client: &http.Client{Timeout: 3 * recovery, Transport: &http.Transport{DialContext: w.dial, DisableKeepAlives: true, ExpectContinueTimeout: recovery}}}
	module, err := filepath.Abs("../../" + chapter)
	require.NoError(t, err)
	require.NoError(t, cluster.Build(t.Context(), module, filepath.Join(s.dir, "bin")))
	servers := s.servers(t)
	group, err := cluster.NewGroup()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, group.Stop()) })
	for _, name := range data {
		s.start(t, group, name, "dataservice", append(servers, "LISTEN_ADDRESS=:12345",
			"ADVERTISE_ADDRESS="+w.address(name)+":12345", "STORE_ROOT="+filepath.Join(s.dir, name)))
	}
	for _, name := range apis {
		s.start(t, group, name, "apiservice", append(servers, "LISTEN_ADDRESS=:12351"))
		s.apis = append(s.apis, "http://"+w.address(name)+":12351")
	}
	for _, api := range s.apis {
		suite.Eventually(t, timeout, func() error { return s.healthy(t, api) })
	}
	return s
}

// servers starts the broker and Elasticsearch on their machines, and returns the settings for them.
func (s *machines) servers(t *testing.T) []string {
	var b *broker.Broker
	require.NoError(t, s.wires.on("broker", func() (err error) {
		b, err = broker.Listen(s.wires.address("broker") + ":5672")
		return err
	}))
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	var e *elastic.Server
	require.NoError(t, s.wires.on("elasticsearch", func() (err error) {
		e, err = elastic.Listen(s.wires.address("elasticsearch")+":9200", filepath.Join(s.dir, "elasticsearch"))
		return err
	}))
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return []string{"RABBITMQ_SERVER=" + b.URL(), "ES_SERVER=" + e.URL()}
}

// start starts a program on a machine.
func (s *machines) start(t *testing.T, group *cluster.Group, name, program string, env []string) {
	ip, err := exec.LookPath("ip")
	require.NoError(t, err)
	p := group.Add(cluster.Program{Name: name, Path: ip, Args: []string{"netns", "exec", s.wires.prefix + name, filepath.Join(s.dir, "bin", program)},
		Env: env, LogFile: filepath.Join(s.dir, name+".log")})
	require.NoError(t, p.Start())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s: %s", name, p.LogTail())
		}
	})
}

// write has a client of each API service put objects until stop is called.
func (s *machines) write(t *testing.T) (stop func()) {
	done := make(chan struct{})
	var writing sync.WaitGroup
	for _, api := range s.apis {
		writing.Go(func() {
			for size := 50 << 10; ; size = 50<<10 + 2<<20 - size {
				select {
				case <-done:
					return
				case <-time.After(200 * time.Millisecond):
					_, _ = s.put(t, api, size) // what is asked of one that fails, others ask
				}
			}
		})
	}
	return func() { close(done); writing.Wait() }
}

// requireService wants new objects of both kinds, small ones and those of many stripes, taken and
// returned.
func (s *machines) requireService(t *testing.T, apis ...string) {
	t.Helper()
	for _, api := range apis {
		for _, size := range []int{50 << 10, 2 << 20} {
			name, err := s.put(t, api, size)
			require.NoError(t, err)
			for _, reader := range apis {
				require.NoError(t, s.get(t, reader, name))
			}
		}
	}
}

// put puts a new object, and remembers it if that is acknowledged.
func (s *machines) put(t *testing.T, api string, size int) (name string, err error) {
	name, body := suite.NewName(), suite.NewBody(size)
	if _, err := send(t, s.client, http.MethodPut, suite.ObjectURL(api, name), body); err != nil {
		return name, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acknowledged[name] = body
	return name, nil
}

func (s *machines) get(t *testing.T, api, name string) error {
	body, err := send(t, s.client, http.MethodGet, suite.ObjectURL(api, name), nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && !bytes.Equal(body, s.acknowledged[name]) {
		t.Errorf("%s has other bytes", name)
	}
	return err
}

func (s *machines) healthy(t *testing.T, api string) error {
	client := &http.Client{Timeout: recovery / 5, Transport: s.client.Transport}
	_, err := send(t, client, http.MethodGet, api+"/healthz", nil)
	return err
}

// shards returns how many shards a data service has.
func (s *machines) shards(t *testing.T, name string) int {
	files, err := os.ReadDir(filepath.Join(s.dir, name, "objects"))
	require.NoError(t, err)
	return len(files)
}
