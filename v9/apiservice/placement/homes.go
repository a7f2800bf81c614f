package placement

import (
	"maps"
	"slices"
	"sync"
)

// maxSeen bounds the memory that addresses of data services take which do not come back.
const maxSeen = 1000

// Homes says where the shards of a content are by default, without a question: every API service computes it
// from the addresses of the data services. One that is down keeps its shards, so those of the others do not
// move. Its methods may be called by several goroutines at once.
type Homes struct {
	known func() ([]string, error) // the addresses of live data services

	mu   sync.Mutex
	seen map[string]bool // addresses that were live since the process began
}

// NewHomes returns the homes on the data services that known returns, now or at any time before.
func NewHomes(known func() ([]string, error)) *Homes {
	return &Homes{known: known, seen: map[string]bool{}}
}

// Of returns the homes of a content's shards, "" for one on a data service that is down. The error says that
// not all data services are known.
func (h *Homes) Of(content string) (Places, error) {
	live, err := h.known()
	places := Places{}
	if len(live) == 0 {
		return places, err
	}
	places = places.Spread(Order(content, h.all(live)))
	for shard, address := range places {
		if !slices.Contains(live, address) {
			places[shard] = ""
		}
	}
	return places, err
}

// all returns the addresses that are live, or were.
func (h *Homes) all(live []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, address := range live {
		h.seen[address] = true
	}
	all := slices.Collect(maps.Keys(h.seen))
	if len(all) > maxSeen {
		clear(h.seen)
	}
	return all
}
