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
	// The last has no broker in it, and gives its client a millisecond.
	skip := "TestTLS|TestIntegrationTx|DeadLetter|TestNotifyClosesAllChansAfterConnectionClose"
	cmd := exec.Command("go", "test", "-mod=mod", "-count=1", "-tags", "integration", "-skip", skip, "-v", ".")
	cmd.Dir = streadwayDir(t)
	cmd.Env = append(os.Environ(), "GOWORK=off", "AMQP_URL="+b.URL())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	passed := bytes.Count(out, []byte("\n--- PASS"))
	require.Greater(t, passed, 90, "%s", out)
	t.Logf("%d of its tests passed", passed)
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
