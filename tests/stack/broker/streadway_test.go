package broker

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStreadwayIntegration runs the integration tests that github.com/streadway/amqp has for
// RabbitMQ, but for those of what this broker does not do (see the package comment).
func TestStreadwayIntegration(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the tests of another module")
	}
	b := start(t)
	// The one before the last has no broker in it, and gives its client a millisecond. The last is below.
	skip := "TestTLS|TestIntegrationTx|DeadLetter|TestNotifyClosesAllChansAfterConnectionClose|Issue46"
	out, err := streadway(t, b, "-skip", skip)
	require.NoError(t, err, "%s", out)
	passed := bytes.Count(out, []byte("\n--- PASS"))
	require.Greater(t, passed, 90, "%s", out)
	t.Logf("%d of its tests passed", passed)
}

// TestStreadwayIssue46 runs the one of them that may fail by the client's doing: when the broker closes a
// channel, the client can publish on it between its confirmation and its noticing. RabbitMQ too answers
// that by closing the connection, so the test is given another chance, with another connection.
func TestStreadwayIssue46(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the tests of another module")
	}
	b := start(t)
	const chances = 5
	var out []byte
	var err error
	for range chances {
		if out, err = streadway(t, b, "-run", "Issue46"); err == nil {
			break
		}
		require.Contains(t, string(out), "expected 'channel.open'", "that, and nothing else, is the client's doing")
	}
	require.NoError(t, err, "%s", out)
}

func streadway(t *testing.T, b *Broker, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"test", "-mod=mod", "-count=1", "-tags", "integration", "-v"}, args...)...)
	cmd.Dir = streadwayDir(t)
	cmd.Env = append(os.Environ(), "GOWORK=off", "AMQP_URL="+b.URL())
	return cmd.CombinedOutput()
}

// streadwayDir asks the module that depends on it. It needs no go.sum of its own, since it has no
// dependencies, and -mod=mod writes none: the module cache is read-only.
func streadwayDir(t *testing.T) string {
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/streadway/amqp")
	cmd.Dir = filepath.Join("..", "..", "..", "common")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	require.NoError(t, err)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &module))
	return module.Dir
}
