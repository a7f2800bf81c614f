package deploy

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// wires is a network of machines: each is a network namespace with an address, and one more has the
// bridge that they are plugged into. So nothing of this machine's network is changed or in the way.
type wires struct {
	prefix string // of the names of the namespaces
	names  []string
}

const hub = "hub" // the namespace with the bridge, whose address is that of the tests

// newWires skips the test where there can be no namespaces.
func newWires(t *testing.T, machines ...string) *wires {
	w := &wires{prefix: "gostore-" + strings.ToLower(rand.Text()[:8]) + "-", names: append([]string{hub}, machines...)}
	if err := w.ip("netns add", w.prefix+hub); err != nil {
		require.Empty(t, os.Getenv("CI"), "%v", err)
		t.Skip("it needs root and iproute2, for network namespaces: ", err)
	}
	t.Cleanup(func() {
		for _, name := range w.names {
			_ = w.ip("netns del", w.prefix+name) // it may not have been made
		}
	})
	require.NoError(t, errors.Join(w.in(hub, "link add name br type bridge"), w.up(hub, "br")))
	for _, name := range machines {
		require.NoError(t, errors.Join(
			w.ip("netns add", w.prefix+name),
			w.in(hub, "link add name", name, "type veth peer name eth0 netns", w.prefix+name),
			w.in(hub, "link set dev", name, "master br up"),
			w.up(name, "eth0"),
		))
	}
	return w
}

// up gives a machine's device its address.
func (w *wires) up(name, device string) error {
	return errors.Join(
		w.in(name, "link set lo up"),
		w.in(name, "addr add", w.address(name)+"/24 dev", device),
		w.in(name, "link set dev", device, "up"))
}

func (w *wires) address(name string) string {
	return fmt.Sprint("10.99.0.", 1+slices.Index(w.names, name))
}

// cut unplugs a machine: what is sent to it or by it is lost without a word. The others go on.
func (w *wires) cut(name string) error { return w.in(hub, "link set dev", name, "down") }

func (w *wires) heal(name string) error { return w.in(hub, "link set dev", name, "up") }

func (w *wires) in(name string, command ...string) error {
	return w.ip("-n "+w.prefix+name, command...)
}

func (w *wires) ip(first string, rest ...string) error {
	command := strings.Fields(first + " " + strings.Join(rest, " "))
	out, err := exec.Command("ip", command...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("ip %s: %w: %s", strings.Join(command, " "), err, out)
	}
	return err
}

// on runs do on a machine: the sockets that it makes are there, whoever uses them later.
func (w *wires) on(name string, do func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close() // only read
	there, err := os.Open("/run/netns/" + w.prefix + name)
	if err != nil {
		return err
	}
	defer there.Close() // only read
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = do()
	back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET)
	if back == nil { // otherwise the thread ends with this goroutine
		runtime.UnlockOSThread()
	}
	return cmp.Or(err, back)
}

// dial dials from the bridge.
func (w *wires) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = w.on(hub, func() error {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
