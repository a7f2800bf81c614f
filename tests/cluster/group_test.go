package cluster

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGroup(t *testing.T) {
	ports, err := ReservePorts()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ports.Release()) })
	addresses, err := ports.Take(2)
	require.NoError(t, err)
	group, err := NewGroup()
	require.NoError(t, err)
	dir, program := t.TempDir(), startCluster(t).API[0].program
	var processes []*Process
	for _, address := range addresses {
		p := group.Add(Program{
			Name: address, Address: address, Path: "/bin/sh", Args: []string{"-c", `exec "$0"`, program},
			Env:    []string{"LISTEN_ADDRESS=" + address, "STORE_ROOT=" + filepath.Join(dir, address)},
			Health: "/objects/there", LogFile: filepath.Join(dir, "log"),
		})
		require.NoError(t, p.Start())
		processes = append(processes, p)
	}
	eventually(t, func() bool { return listens(addresses[0]) && listens(addresses[1]) })
	require.ErrorContains(t, processes[0].healthy(t.Context()), "404", "there is nothing at the path yet")
	request, err := http.NewRequest(http.MethodPut, processes[0].URL()+"/objects/there", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.NoError(t, processes[0].AwaitHealthy(t.Context()))
	require.NoError(t, processes[1].Stop())
	require.NoError(t, group.Stop())
	require.False(t, listens(addresses[0]) || listens(addresses[1]))
}
