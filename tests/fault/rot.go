package fault

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"gostore/tests/suite"
)

// rot damages two shards of a version that has all six, in one way or another, and waits until they are
// right again, and does so until ctx is done.
func (l *load) rot(ctx context.Context) error {
	for ctx.Err() == nil {
		pause(ctx, 100*time.Millisecond)
		version, found := l.any()
		if !found || l.isWhole(version) != nil {
			continue
		}
		if err := l.damage(version); err != nil {
			return err
		}
		for ctx.Err() == nil && l.isWhole(version) != nil {
			_, _ = l.store.Do(ctx, http.MethodGet, l.url(version), nil) // so that it is found; others look at answers
			pause(ctx, 50*time.Millisecond)
		}
	}
	return nil
}

// any returns one of the versions that were acknowledged.
func (l *load) any() (version kept, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return version, false
	}
	return l.kept[rand.IntN(len(l.kept))], true
}

// damage damages two shards of a version that is whole, and remembers what all of them were.
func (l *load) damage(version kept) error {
	files := l.store.ShardFiles(l.body(version))
	var were [suite.Shards][]byte
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		were[i] = content
	}
	l.mu.Lock()
	l.were[version.Hash] = were
	l.mu.Unlock()
	two := pairs()[rand.IntN(len(pairs()))]
	for _, shard := range two {
		list := damages()
		if err := list[rand.IntN(len(list))].do(files[shard]); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) body(version kept) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bodies[version.Hash]
}

func (l *load) url(version kept) string {
	return fmt.Sprintf("%s?version=%d", suite.ObjectURL(l.store.API[0], version.name), version.Version)
}

// isWhole returns nil if all shards of a version are on disk: as they were, or, where that is not known,
// all of one size.
func (l *load) isWhole(version kept) error {
	l.mu.Lock()
	body := l.bodies[version.Hash]
	were, known := l.were[version.Hash]
	l.mu.Unlock()
	sizes := map[int64]int{} // which shards there are, by size
	for _, p := range l.store.Cluster.Data {
		for i := range suite.Shards {
			content, err := os.ReadFile(suite.ShardFile(p.Root, body, i))
			if err == nil && (!known || bytes.Equal(content, were[i])) {
				sizes[int64(len(content))] |= 1 << i
			}
		}
	}
	for _, there := range sizes {
		if there == 1<<suite.Shards-1 {
			return nil
		}
	}
	return fmt.Errorf("shards by size: %v", sizes)
}
