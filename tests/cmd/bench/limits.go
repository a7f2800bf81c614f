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

// Parameters of chapter 5, for which the bound is.
const (
	dataShards   = 4
	parityShards = 2
	allShards    = dataShards + parityShards
	stripeBlock  = 128 << 10 // bytes of a shard that are encoded at a time
)

// minMeasured is how long a limit is measured in a round, at least.
const minMeasured = 50 * time.Millisecond

// limits measures what the machine itself can do, in every round beside the targets.
type limits struct {
	dir    string // on the targets' disk
	server *httptest.Server
	http   *http.Client
	code   reedsolomon.Encoder
	shards [][]byte
	cells  map[cell]*cost
}

// cost is the time that the parts of an operation take, summed over rounds.
type cost struct {
	SHA256        spent `json:"sha256"`
	Encode        spent `json:"encode"`        // in stripes
	Exchange      spent `json:"exchange"`      // of the object with an HTTP server
	ShardExchange spent `json:"shardExchange"` // of a quarter of the object
	Empty         spent `json:"emptyExchange"`
	Write         spent `json:"write"` // of six shards by each client, with fsync
}

// spent is the time of some operations, by the clock and over all processors.
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
	l.server = httptest.NewServer(http.HandlerFunc(discardBody))
	return l, nil
}

func (l *limits) close() {
	l.http.CloseIdleConnections()
	l.server.Close()
}

// discardBody reads a request body and sends an empty response.
func discardBody(w http.ResponseWriter, r *http.Request) {
	buffer := make([]byte, min(readBuffer, r.ContentLength+1))
	for {
		if _, err := r.Body.Read(buffer); err != nil {
			return
		}
	}
}

// measure adds a round of a cell. Round 0 is a warm-up and is discarded.
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
			return fmt.Errorf("measure the machine's limits: %w", err)
		}
	}
	return nil
}

func shardSize(size int64) int64 { return (size + dataShards - 1) / dataShards }

// repeat calls do until minMeasured has passed.
func (s *spent) repeat(do func() error) error {
	begin, cpu := time.Now(), ownCPU()
	for n := 1; ; n++ {
		if err := do(); err != nil {
			return err
		}
		if took := time.Since(begin); took >= minMeasured {
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

// encode computes the parity of an object of size bytes. The content does not matter.
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

// writeDurably has clients write the shards of objects into new files concurrently, with fsync. One
// operation is one object.
func (l *limits) writeDurably(s *spent, clients int, shard []byte) error {
	dir, err := os.MkdirTemp(l.dir, "limits-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // removed with its parent
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
	s.Wall += time.Since(begin).Seconds() * float64(clients) // clients work concurrently
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
	defer f.Close() // synced or in error
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Sync()
}

// of returns the measurements of a cell and the bounds that follow from them.
func (l *limits) of(c cell) *limit {
	found := &limit{cell: c, cost: *l.cells[c], Bounds: map[load]float64{}}
	for _, kind := range allLoads() {
		found.Bounds[kind] = l.cells[c].bound(c.Clients, kind)
	}
	return found
}

// bound is the maximum number of operations a second for a store like chapter 5 on this machine;
// docs/performance.md explains it. It is the smaller of two:
//
//   - what all processors can do, if an operation needs no more processor time than its parts;
//   - what that many clients can do, if each only waits for a chain of two HTTP exchanges and the
//     longer of the transfer and the write.
func (c *cost) bound(clients int, kind load) float64 {
	put := boundOf(clients,
		c.Exchange.cpu()+allShards*c.ShardExchange.cpu()+c.SHA256.cpu()+c.Encode.cpu()+c.Write.cpu(),
		2*c.Empty.wall()+max(c.Exchange.wall(), c.Write.wall()))
	getCPU := c.Exchange.cpu() + dataShards*c.ShardExchange.cpu() + c.SHA256.cpu()
	if kind == loadDegraded {
		getCPU += c.Encode.cpu() // to reconstruct two shards costs as much
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
