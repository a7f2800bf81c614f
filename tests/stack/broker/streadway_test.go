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

// TestStreadwayIntegration runs those of the integration tests that github.com/streadway/amqp has for
// RabbitMQ that need no more than this broker does.
func TestStreadwayIntegration(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and runs the tests of another module")
	}
	const tests = "^(TestIntegration(OpenClose|OpenCloseChannel|HighChannelChurnInTightLoop|OpenConfig|OpenConfigWithNetDial|LocalAddr|PassiveQueue|" +
		"QueueDeclarePassiveOnMissingExchangeShouldError|ConnectionNegotiates(Max|ClientMax)Channels|ChannelIDsExhausted|ChannelClosing|" +
		"MeaningfulChannelErrors|PublishFlow)|TestExchangePassiveOnMissingExchangeShouldError|TestQuickPublishOnly|" +
		"TestChannelCounterShouldNotPanicIssue136|TestConcurrentChannelAndConnectionClose)$"
	cmd := exec.Command("go", "test", "-mod=mod", "-count=1", "-tags", "integration", "-v", "-run", tests)
	cmd.Dir = streadwayDir(t)
	cmd.Env = append(os.Environ(), "GOWORK=off", "AMQP_URL="+start(t).URL())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, 18, bytes.Count(out, []byte("--- PASS")), "%s", out)
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
