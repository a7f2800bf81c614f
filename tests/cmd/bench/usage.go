package main

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	gopsnet "github.com/shirou/gopsutil/v4/net"
	gopsprocess "github.com/shirou/gopsutil/v4/process"
)

// sampleInterval is the interval between memory samples.
const sampleInterval = 50 * time.Millisecond

// process is a process of a store. Its id changes when it is restarted.
type process struct {
	name string
	pid  func() int
}

// listeners returns the local processes that listen on a port. It does not find those of other
// users, in containers, or on other machines.
func listeners(name, hostPort string) (found []process) {
	_, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil
	}
	connections, err := gopsnet.ConnectionsWithoutUids("tcp")
	if err != nil {
		return nil
	}
	for _, c := range connections {
		if c.Status == "LISTEN" && strconv.Itoa(int(c.Laddr.Port)) == port && c.Pid > 0 {
			found = append(found, process{name, func() int { return int(c.Pid) }})
		}
	}
	return oneEach(found)
}

// oneEach merges processes with the same id: the embedded servers are one process.
func oneEach(all []process) (distinct []process) {
	for _, p := range all {
		same := slices.IndexFunc(distinct, func(q process) bool { return q.pid() == p.pid() })
		switch {
		case same < 0:
			distinct = append(distinct, p)
		case distinct[same].name != p.name:
			distinct[same].name = "rabbitmq+elasticsearch"
		}
	}
	return distinct
}

// cpuSeconds returns the processor time of running processes, user and system mode together.
func cpuSeconds(processes []process) (sum float64) {
	for _, p := range processes {
		if running, err := gopsprocess.NewProcess(int32(p.pid())); err == nil {
			if times, err := running.Times(); err == nil {
				sum += times.User + times.System
			}
		}
	}
	return sum
}

// memory samples the resident memory of a store's processes. Its methods may be called while it
// runs.
type memory struct {
	processes []process

	mu    sync.Mutex
	peaks map[string]uint64 // of each process
	all   uint64            // peak of the sum
	since uint64            // peak of the sum since restart
}

func watchMemory(processes []process) *memory {
	return &memory{processes: processes, peaks: map[string]uint64{}}
}

// run samples until ctx is done.
func (m *memory) run(ctx context.Context) {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	for {
		m.sample()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *memory) sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum uint64
	for _, p := range m.processes {
		running := gopsprocess.Process{Pid: int32(p.pid())}
		info, err := running.MemoryInfo()
		if err != nil {
			continue // it has exited
		}
		sum += info.RSS
		m.peaks[p.name] = max(m.peaks[p.name], info.RSS)
	}
	m.all = max(m.all, sum)
	m.since = max(m.since, sum)
}

// restart returns the peak of the sum since the last call, in bytes.
func (m *memory) restart() uint64 {
	m.sample()
	m.mu.Lock()
	defer m.mu.Unlock()
	peak := m.since
	m.since = 0
	return peak
}

// report returns the peaks over the whole run, in bytes.
func (m *memory) report() (each map[string]uint64, all uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.peaks), m.all
}
