package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"bytes"

	"github.com/klauspost/reedsolomon"
)

// The store that the bound is for: chapter 5's.
const (
	dataShards   = 4
	parityShards = 2
	allShards    = dataShards + parityShards
	stripeBlock  = 128 << 10 // bytes of a shard that are encoded at a time
)

// enough is how long a limit is measured in a round, at least.
const enough = 50 * time.Millisecond

// limits are what the machine itself can do, measured round by round beside the targets.
type limits struct {
	dir    string // on the disk that the targets use
	server *httptest.Server
	http   *http.Client
	code   reedsolomon.Encoder
	shards [][]byte
	cells  map[cell]*cost
}

// cost is the sum over rounds of what the parts of an operation take at the least.
type cost struct {
	SHA256        spent `json:"sha256"`
	Encode        spent `json:"encode"`        // in stripes
	Exchange      spent `json:"exchange"`      // of the object with an HTTP server
	ShardExchange spent `json:"shardExchange"` // of a quarter of it
	Empty         spent `json:"emptyExchange"`
	Write         spent `json:"write"` // of six shards by each client, with fsync
}

// spent is the time that some operations took, by the clock and of all processors.
type spent struct {
	Ops  int     `json:"ops"`
	Wall float64 `json:"seconds"`
	CPU  float64 `json:"cpuSeconds"`
}

func (s spent) wall() float64 { return s.Wall / float64(s.Ops) }
func (s spent) cpu() float64  { return s.CPU / float64(s.Ops) }

func newLimits(dir string) (*limits, error) {
	code, err := reedsolomon.New(dataShards, parityShards, reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, err
	}
	l := &limits{dir: dir, code: code, http: &http.Client{Transport: newTransport()}, cells: map[cell]*cost{}}
	for range allShards {
		l.shards = append(l.shards, make([]byte, stripeBlock))
	}
	l.server = httptest.NewServer(http.HandlerFunc(swallow))
	return l, nil
}

func (l *limits) close() {
	l.http.CloseIdleConnections()
	l.server.Close()
}

// swallow reads a body and answers with nothing.
func swallow(w http.ResponseWriter, r *http.Request) {
	buffer := make([]byte, min(readBuffer, r.ContentLength+1))
	for {
		if _, err := r.Body.Read(buffer); err != nil {
			return
		}
	}
}

// measure adds a round of a cell. Round 0 is a warm-up and not kept.
func (l *limits) measure(c cell, made []body, round int) error {
	if l.cells[c] == nil || round == 1 {
		l.cells[c] = &cost{}
	}
	sum, whole := l.cells[c], made[0].bytes
	shard := whole[:shardSize(c.Size)]
	return firstError(
		sum.SHA256.repeat(func() error { sha256.Sum256(whole); return nil }),
		sum.Encode.repeat(func() error { return l.encode(c.Size) }),
		sum.Exchange.repeat(func() error { return l.exchange(whole) }),
		sum.ShardExchange.repeat(func() error { return l.exchange(shard) }),
		sum.Empty.repeat(func() error { return l.exchange(nil) }),
		l.writeDurably(&sum.Write, c.Clients, shard),
	)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("the machine's limits: %w", err)
		}
	}
	return nil
}

func shardSize(size int64) int64 { return (size + dataShards - 1) / dataShards }

// repeat does something until it has taken long enough.
func (s *spent) repeat(do func() error) error {
	begin, cpu := time.Now(), ownCPU()
	for n := 1; ; n++ {
		if err := do(); err != nil {
			return err
		}
		if took := time.Since(begin); took >= enough {
			s.Ops += n
			s.Wall += took.Seconds()
			s.CPU += ownCPU() - cpu
			return nil
		}
	}
}

func ownCPU() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // it cannot fail for the process itself
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// encode makes the parity of an object of size bytes, whatever they are.
func (l *limits) encode(size int64) error {
	for left := shardSize(size); left > 0; left -= stripeBlock {
		stripe := make([][]byte, allShards)
		for i := range stripe {
			stripe[i] = l.shards[i][:min(left, stripeBlock)]
		}
		if err := l.code.Encode(stripe); err != nil {
			return err
		}
	}
	return nil
}

func (l *limits) exchange(content []byte) error {
	request, err := http.NewRequest(http.MethodPut, l.server.URL, bytes.NewReader(content))
	if err != nil {
		return err
	}
	answer, err := l.http.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return firstError(err, answer.Body.Close())
}

// writeDurably has clients write the shards of objects into new files at the same time, durably. One
// operation is one object.
func (l *limits) writeDurably(s *spent, clients int, shard []byte) error {
	dir, err := os.MkdirTemp(l.dir, "limits-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it goes with the directory above it
	errs := make([]error, clients)
	each := make([]spent, clients)
	begin, cpu := time.Now(), ownCPU()
	var writing sync.WaitGroup
	for c := range clients {
		writing.Go(func() {
			n := 0
			errs[c] = each[c].repeat(func() error { n++; return writeObject(dir, c, n, shard) })
		})
	}
	writing.Wait()
	ops := 0
	for _, e := range each {
		ops += e.Ops
	}
	s.Ops += ops
	s.Wall += time.Since(begin).Seconds() * float64(clients) // of each operation
	s.CPU += ownCPU() - cpu
	return firstError(errs...)
}

func writeObject(dir string, client, n int, shard []byte) error {
	errs := make([]error, allShards)
	var writing sync.WaitGroup
	for i := range errs {
		writing.Go(func() {
			errs[i] = writeFile(filepath.Join(dir, fmt.Sprintf("%d-%d-%d", client, n, i)), shard)
		})
	}
	writing.Wait()
	return firstError(errs...)
}

func writeFile(name string, content []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close() // synced, or in error already
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Sync()
}

// of returns what was measured in a cell, and the bounds that it makes.
func (l *limits) of(c cell) *limit {
	found := &limit{cell: c, cost: *l.cells[c], Bounds: map[load]float64{}}
	for _, kind := range allLoads() {
		found.Bounds[kind] = l.cells[c].bound(c.Clients, kind)
	}
	return found
}

// bound is how many operations a second a store like chapter 5 can do at the very most on this
// machine; docs/performance.md explains it. It is the smaller of two:
//
//   - what all processors can do, if each operation takes them no more than its parts do;
//   - what so many clients can do, if each waits for nothing but a chain of two HTTP exchanges and
//     the longer of the transfer and the write.
func (c *cost) bound(clients int, kind load) float64 {
	put := boundOf(clients,
		c.Exchange.cpu()+allShards*c.ShardExchange.cpu()+c.SHA256.cpu()+c.Encode.cpu()+c.Write.cpu(),
		2*c.Empty.wall()+max(c.Exchange.wall(), c.Write.wall()))
	getCPU := c.Exchange.cpu() + dataShards*c.ShardExchange.cpu() + c.SHA256.cpu()
	if kind == loadDegraded {
		getCPU += c.Encode.cpu() // to make two shards anew costs as much
	}
	get := boundOf(clients, getCPU, c.Empty.wall()+c.Exchange.wall())
	switch kind {
	case loadPut:
		return put
	case loadMixed:
		return (getsPerPut + 1) / (getsPerPut/get + 1/put)
	default:
		return get
	}
}

func boundOf(clients int, cpu, chain float64) float64 {
	return min(float64(runtime.NumCPU())/cpu, float64(clients)/chain)
}
