// Package deploy tests what docs/deploy.md tells: the store in containers, and on machines of which one
// or another cannot be reached.
package deploy

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/common/hash"
	"gostore/tests/cluster"
)

const (
	deploy  = "../../deploy"
	chapter = "v9"
	timeout = 90 * time.Second // for all containers to become healthy
)

// TestCompose brings the whole store up in containers. An object that was put can be read with two data
// services stopped, and again when two others are new containers with the volumes of the old ones.
func TestCompose(t *testing.T) {
	if os.Getenv("STACK") != "docker" {
		t.Skip("it runs the real servers in containers: only with STACK=docker")
	}
	c := newCompose(t)
	build(t)
	c.run(t, "up", "-d", "--build")
	c.awaitHealthy(t)
	body := make([]byte, 3<<20)
	_, _ = rand.Read(body) // it never fails
	_, err := send(t, http.DefaultClient, http.MethodPut, c.urls[0], body)
	require.NoError(t, err)

	c.run(t, "stop", "data-2", "data-5")
	got, err := send(t, http.DefaultClient, http.MethodGet, c.urls[1], nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))

	c.run(t, "up", "-d", "--force-recreate", "data-1", "data-3")
	require.Eventually(t, func() bool { // without the two there are too few
		got, err := send(t, http.DefaultClient, http.MethodGet, c.urls[0], nil)
		return err == nil && bytes.Equal(body, got)
	}, timeout, 200*time.Millisecond)
}

// build makes the programs of the image, which has nothing else to run them with.
func build(t *testing.T) {
	bin, err := filepath.Abs(filepath.Join(deploy, "bin", chapter))
	require.NoError(t, err)
	cmd := exec.Command("go", "build", "-C", "../../"+chapter, "-o", bin+"/", "./...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// compose is a project of docker compose with a name of its own.
type compose struct {
	command []string
	env     []string
	urls    []string // of the object at each API service
}

func newCompose(t *testing.T) *compose {
	ports, err := cluster.ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { _ = ports.Release() })
	addresses, err := ports.Take(2)
	require.NoError(t, err)
	project := "gostore-" + strings.ToLower(rand.Text()[:8])
	c := &compose{command: append(command(t), "-p", project, "-f", filepath.Join(deploy, "compose.yaml")),
		env: append(os.Environ(), "CHAPTER="+chapter, "ES_JAVA_OPTS=-Xms256m -Xmx256m")}
	for i, address := range addresses {
		_, port, _ := strings.Cut(address, ":")
		c.env = append(c.env, fmt.Sprintf("API_%d_PORT=%s", i+1, port))
		c.urls = append(c.urls, "http://"+address+"/objects/x")
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.run(t, "logs", "--tail", "20"))
		}
		c.run(t, "down", "-v", "-t", "0")
	})
	return c
}

// command returns docker compose, as a plugin of the docker command or as a command of its own.
func command(t *testing.T) []string {
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.Command(command[0], append(command[1:], "version")...).Run() == nil {
			return command
		}
	}
	require.Empty(t, os.Getenv("CI"), "there is no docker compose")
	t.Skip("there is no docker compose: apt-get install docker-compose")
	return nil
}

// run returns what a command of compose printed.
func (c *compose) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(c.command[0], append(c.command[1:len(c.command):len(c.command)], args...)...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// awaitHealthy waits until all containers are, as their own health checks say.
func (c *compose) awaitHealthy(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		ids := strings.Fields(c.run(t, "ps", "-q"))
		require.Len(t, ids, 10)
		states, err := exec.Command("docker", append([]string{"inspect", "-f", "{{.Name}} {{.State.Status}} {{.State.Health.Status}}"}, ids...)...).Output()
		require.NoError(t, err)
		if strings.Count(string(states), " running healthy\n") == len(ids) {
			return
		}
		require.True(t, time.Now().Before(deadline), "%s", states)
		time.Sleep(200 * time.Millisecond)
	}
}

// send sends a request and returns the body of its answer. Another status than 200 is an error.
func send(t *testing.T, client *http.Client, method, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Expect", "100-continue") // otherwise a refusal may cut the connection before it is read
	request.Header.Set("Digest", "SHA-256="+hash.Of(body).String())
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // read to its end
	got, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, got)
	}
	return got, err
}
