package fault

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gostore/tests/suite"
)

// silentDataServices has two of six data services accept connections and answer nothing, while
// their heartbeats go on: they are left out, so that most PUTs and GETs do not wait for a timeout, which is
// five seconds, and used again once they answer.
func silentDataServices(t *testing.T, s *suite.Store) {
	s, gates := behindGates(t, s)
	s.AwaitSix(t)
	for _, g := range gates[1:3] {
		g.ShutAfter(0)
	}
	var puts, gets []time.Duration
	stored := suite.NewBody(size / 8)
	for range 30 {
		name, body := suite.NewName(), suite.NewBody(size/8)
		start := time.Now()
		s.Put(t, name, body)
		s.Put(t, suite.NewName(), stored)
		put := time.Now()
		s.RequireObject(t, name, body)
		puts, gets = append(puts, put.Sub(start)), append(gets, time.Since(put))
	}
	for what, took := range map[string][]time.Duration{"two PUTs": puts, "GET": gets} {
		slices.Sort(took)
		t.Logf("%s: median %v, slowest %v", what, took[15], took[29])
		require.Less(t, took[15], 4*time.Second, what)
	}
	for _, g := range gates {
		g.Open()
	}
	s.AwaitSix(t)
}

// hangingShards replaces two shards by FIFOs, which a reader would wait for without end: the object
// can be read and put, and both shards are made anew.
func hangingShards(t *testing.T, s *suite.Store) {
	s.NeedProcesses(t)
	body := suite.NewBody(suite.Stripe + 1000)
	name, files, contents := s.PutShards(t, body)
	for i, use := range []func(){
		func() { s.Put(t, suite.NewName(), body) },
		func() { s.RequireObject(t, name, body) },
	} {
		for _, file := range files[i : i+2] {
			remove(t, file)
			require.NoError(t, syscall.Mkfifo(file, 0o644))
		}
		start := time.Now()
		use()
		require.Less(t, time.Since(start), suite.RepairTimeout)
		for _, file := range files[i : i+2] {
			suite.Eventually(t, suite.RepairTimeout, func() error {
				info, err := os.Lstat(file)
				if err == nil && !info.Mode().IsRegular() {
					err = os.ErrInvalid
				}
				return err
			})
		}
		s.RequireShards(t, body, contents)
	}
}
