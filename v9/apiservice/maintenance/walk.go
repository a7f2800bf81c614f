package maintenance

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"gostore/chapter9/apiservice/objectstream"
	"gostore/chapter9/rs"
	"gostore/common/hash"
)

// listSize is how many shards a data service lists in one answer, for which it reads its whole directory.
const listSize = 10_000

// content is what data services hold of one content.
type content struct {
	hash   hash.Hash
	copies []shardCopy
}

// shardCopy is a shard on a data service. There may be several of one shard.
type shardCopy struct {
	shard   int
	address string
}

// walk goes through the contents of all data services, in the order of their hashes, a page at a time.
type walk struct {
	streams *objectstream.Client
	after   string            // the hash before the next page, in hexadecimal
	clocks  map[string]string // by address: what the data service's clock told before the first page
	whole   bool              // all data services have listed all that they hold
	done    bool
}

// walk begins after a hash.
func (m *Maintainer) walk(after string) (*walk, error) {
	live, err := m.dataServices.Live()
	if err != nil {
		return nil, err
	}
	w := &walk{streams: m.streams, after: after, clocks: map[string]string{}, whole: true}
	for _, address := range live {
		w.clocks[address] = ""
	}
	return w, nil
}

// next returns the next page. Data services that do not answer are left out of it and of those to come.
func (w *walk) next(ctx context.Context) ([]content, error) {
	lists := w.lists(ctx)
	if len(lists) == 0 {
		return nil, errors.New("no data service lists what it holds")
	}
	bound := "" // what is from here on is not in all lists
	for _, names := range lists {
		if len(names) == listSize {
			last, _, err := rs.ParseName(names[listSize-1])
			if err != nil {
				return nil, err
			}
			if bound == "" || last.Hex() < bound {
				bound = last.Hex()
			}
		}
	}
	w.after, w.done = bound, bound == ""
	return merged(lists, bound)
}

// lists returns the names that data services hold after the last page, by address.
func (w *walk) lists(ctx context.Context) map[string][]string {
	var mu sync.Mutex
	lists := map[string][]string{}
	var listing sync.WaitGroup
	for _, address := range slices.Collect(maps.Keys(w.clocks)) {
		listing.Go(func() {
			names, clock, err := w.streams.List(ctx, address, w.after, listSize)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				delete(w.clocks, address)
				w.whole = false
				return
			case w.clocks[address] == "":
				w.clocks[address] = clock
			}
			lists[address] = names
		})
	}
	listing.Wait()
	return lists
}

// merged returns the contents before bound; all, if it is "".
func merged(lists map[string][]string, bound string) ([]content, error) {
	found := map[hash.Hash][]shardCopy{}
	for _, address := range slices.Sorted(maps.Keys(lists)) {
		for _, name := range lists[address] {
			of, shard, err := rs.ParseName(name)
			if err != nil {
				return nil, err
			}
			if bound == "" || of.Hex() < bound {
				found[of] = append(found[of], shardCopy{shard, address})
			}
		}
	}
	page := make([]content, 0, len(found))
	for of, copies := range found {
		page = append(page, content{of, copies})
	}
	slices.SortFunc(page, func(a, b content) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return page, nil
}
