package clients

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDownloads(t *testing.T) {
	running := start(t, newest(t))
	for _, c := range []struct {
		command string
		twice   int64 // bytes that the client may get twice; aria2c begins with a request of the whole
	}{
		{"curl -sSf -C - -o FILE URL", 0},
		{"wget -nv --tries=1 -c -O FILE URL", 0},
		{"aria2c -q --max-tries=1 -x4 -s4 -k1M -c -d / -o FILE URL", size},
	} {
		t.Run(c.command, func(t *testing.T) {
			s := running.behindGate(t)
			s.download(t, strings.Fields(c.command))
			_, sent := s.gate.Traffic()
			require.Less(t, sent, size+c.twice+overhead)
		})
	}
}

// download has connections cut in the middle, and the object overwritten before the download goes on.
func (s *store) download(t *testing.T, command []string) {
	need(t, command[0])
	name, body := rand.Text(), newBody()
	s.do(t, http.MethodPut, "/objects/"+name, body)
	file := filepath.Join(t.TempDir(), "file")
	for i := range command {
		command[i] = strings.NewReplacer("FILE", file, "URL", s.url(name)+"?version=1").Replace(command[i])
	}
	s.gate.CutAfter(half)
	said, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	require.Error(t, err, "%s", said)
	s.do(t, http.MethodPut, "/objects/"+name, newBody())
	s.gate.Open()
	said, err = exec.Command(command[0], command[1:]...).CombinedOutput()
	require.NoError(t, err, "%s", said)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, got))
}
