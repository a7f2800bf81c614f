package clients

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const installTimeout = time.Minute

// uploader returns a command with arguments FILE URL DIGEST STORAGE; see testdata.
type uploader func(arguments ...string) *exec.Cmd

// install tries again: a package index may hang.
func install(t *testing.T, program string, args ...string) {
	t.Helper()
	var out []byte
	var err error
	for range 3 {
		if out, err = tryInstall(t, program, args...); err == nil {
			return
		}
	}
	unavailable(t, "%s %s: %v: %.300s", filepath.Base(program), strings.Join(args, " "), err, out)
}

func tryInstall(t *testing.T, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second // what it has started may hold its output open
	return cmd.CombinedOutput()
}

func tuspy(t *testing.T) uploader {
	need(t, "python3")
	dir := t.TempDir()
	install(t, "python3", "-m", "venv", dir)
	install(t, filepath.Join(dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "tuspy==1.1.0")
	return func(args ...string) *exec.Cmd {
		return exec.Command(filepath.Join(dir, "bin", "python"), append([]string{"testdata/upload.py"}, args...)...)
	}
}

func tusJSClient(t *testing.T) uploader {
	need(t, "node")
	need(t, "npm")
	dir := t.TempDir()
	install(t, "npm", "install", "--silent", "--no-fund", "--no-audit", "--prefer-offline", "--prefix", dir, "tus-js-client@4.3.1")
	return func(args ...string) *exec.Cmd {
		cmd := exec.Command("node", append([]string{"testdata/upload.js"}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
		return cmd
	}
}

// upload is one by a client, which can be run again.
type upload struct {
	*store
	name string
	body []byte
	run  func() *exec.Cmd
}

func TestUploads(t *testing.T) {
	if testing.Short() {
		t.Skip("installs clients")
	}
	for _, script := range []string{"testdata/upload.py", "testdata/upload.js"} {
		require.FileExists(t, script) // so that the go command's test cache depends on it
	}
	running := start(t, newest(t))
	for client, install := range map[string]func(t *testing.T) uploader{"tuspy": tuspy, "tus-js-client": tusJSClient} {
		t.Run(client, func(t *testing.T) {
			client := install(t)
			for name, test := range map[string]func(t *testing.T, u *upload){
				"Whole": whole, "ClientKilled": clientKilled, "ConnectionCut": connectionCut, "APIServiceKilled": apiServiceKilled,
			} {
				t.Run(name, func(t *testing.T) { test(t, running.newUpload(t, client)) })
			}
		})
	}
}

func (s *store) newUpload(t *testing.T, client uploader) *upload {
	u := &upload{store: s.behindGate(t), name: rand.Text(), body: newBody()}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, u.body, 0o644))
	u.run = func() *exec.Cmd { return client(file, u.url(u.name), digest(u.body), filepath.Join(dir, "storage")) }
	return u
}

// begin runs the client until half of the object has passed the gate.
func (u *upload) begin(t *testing.T) (client *exec.Cmd, said *bytes.Buffer) {
	u.gate.ShutAfter(half)
	client, said = u.run(), &bytes.Buffer{}
	client.Stdout, client.Stderr = said, said
	require.NoError(t, client.Start())
	t.Cleanup(func() { _ = client.Process.Kill() }) // unless it has ended
	u.awaitStall(t)
	return client, said
}

// requireDone checks the object, and that no more was sent than extra bytes twice.
func (u *upload) requireDone(t *testing.T, extra int64) {
	u.requireOnce(t, u.name, u.body)
	_, sent := u.gate.Traffic()
	require.Less(t, sent, size+extra+overhead)
}

func whole(t *testing.T, u *upload) {
	said, err := u.run().CombinedOutput()
	require.NoError(t, err, "%s", said)
	u.requireDone(t, 0)
	header := u.do(t, http.MethodHead, "/objects/"+u.name, nil).Header
	require.Equal(t, "世界.bin", header.Get("X-Object-Meta-Filename"))
	require.Contains(t, header.Get("Content-Type"), "application/x-tus")
}

// clientKilled runs the client again, which has noted where it was.
func clientKilled(t *testing.T, u *upload) {
	client, _ := u.begin(t)
	require.NoError(t, client.Process.Kill())
	require.Error(t, client.Wait(), "it was killed")
	u.gate.Open()
	said, err := u.run().CombinedOutput()
	require.NoError(t, err, "%s", said)
	u.requireDone(t, 0)
}

// connectionCut has the client go on by itself.
func connectionCut(t *testing.T, u *upload) {
	client, said := u.begin(t)
	u.gate.CutAfter(1)
	require.Eventually(t, func() bool { n, _ := u.gate.Traffic(); return n > 1 }, time.Minute, 10*time.Millisecond)
	u.gate.Open()
	require.NoError(t, client.Wait(), said)
	u.requireDone(t, 0)
}

// apiServiceKilled has the client go on by itself, with the other API service. What came after the last
// checkpoint of the first one is sent twice.
func apiServiceKilled(t *testing.T, u *upload) {
	client, said := u.begin(t)
	u.API[0].Kill()
	defer func() {
		require.NoError(t, u.API[0].Start())
		require.NoError(t, u.AwaitHealthy(t.Context()))
	}()
	u.gate.Open()
	require.NoError(t, client.Wait(), said)
	u.requireDone(t, half)
}
