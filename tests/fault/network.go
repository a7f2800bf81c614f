package fault

import (
	"testing"

	"gostore/tests/cluster"
	"gostore/tests/fault/gate"
	"gostore/tests/suite"
)

const (
	slow  = 2 << 20 // bytes a second: requests take longer, without a timeout
	crawl = 2 << 10 // bytes a second: as good as dead
	size  = 8 << 20 // bytes of an object; its shards have a quarter
	mid   = 1 << 20 // bytes: in the middle of a shard
)

// behindGates runs a store whose API services reach each data service through a gate. The gates are
// in the order of Cluster.Data.
func behindGates(t *testing.T, s *suite.Store) (*suite.Store, []*gate.Gate) {
	t.Helper()
	var gates []*gate.Gate
	gated := s.Another(t, func(cfg *cluster.Config) {
		for _, address := range cfg.DataServices {
			g := gate.New(t, address)
			gates = append(gates, g)
			cfg.Advertise = append(cfg.Advertise, g.Address)
		}
	})
	return gated, gates
}

// network disturbs the connections to two data services in several ways: objects can be read. They
// can be written if one connection fails, or two are slow. Heartbeats are not disturbed.
func network(t *testing.T, s *suite.Store) {
	s, gates := behindGates(t, s)
	for _, fault := range []struct {
		name  string
		inPut int // number of data services disturbed during a PUT
		begin func(g *gate.Gate)
		long  bool // in the long form only
	}{
		{"Slow", 2, func(g *gate.Gate) { g.Slow(slow) }, false},
		{"Crawling", 1, func(g *gate.Gate) { g.Slow(crawl) }, true},
		{"Cut", 1, func(g *gate.Gate) { g.CutAfter(0) }, true},
		{"CutInMidShard", 1, func(g *gate.Gate) { g.CutAfter(mid) }, false},
		{"Silent", 1, func(g *gate.Gate) { g.ShutAfter(0) }, false},
		{"SilentInMidShard", 1, func(g *gate.Gate) { g.ShutAfter(mid) }, true},
	} {
		if fault.long && !suite.IsLong() {
			continue
		}
		on := func(t *testing.T, n int) {
			for _, g := range gates[1 : 1+n] {
				fault.begin(g)
				t.Cleanup(g.Open)
			}
		}
		t.Run(fault.name+"Put", func(t *testing.T) {
			name, body := suite.NewName(), suite.NewBody(size)
			on(t, fault.inPut)
			s.Put(t, name, body)
			s.RequireObject(t, name, body)
		})
		t.Run(fault.name+"Get", func(t *testing.T) {
			name, body := suite.NewName(), suite.NewBody(size)
			s.PutSix(t, name, body)
			on(t, 2)
			s.RequireObject(t, name, body)
		})
	}
}
