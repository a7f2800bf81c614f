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

// corrupt damages two shards of a random version with six intact ones, waits until they are
// repaired, and repeats that until ctx is done.
func (l *load) corrupt(ctx context.Context) error {
	for ctx.Err() == nil {
		pause(ctx, 100*time.Millisecond)
		version, found := l.randomVersion()
		if !found || l.checkShards(version) != nil {
			continue
		}
		if err := l.damage(version); err != nil {
			return err
		}
		for ctx.Err() == nil && l.checkShards(version) != nil {
			_, _ = l.store.Do(ctx, http.MethodGet, l.url(version), nil) // makes the store find the damage; work checks answers
			pause(ctx, 50*time.Millisecond)
		}
	}
	return nil
}

// randomVersion returns a random acknowledged version.
func (l *load) randomVersion() (version acked, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.acked) == 0 {
		return version, false
	}
	return l.acked[rand.IntN(len(l.acked))], true
}

// damage damages two shards of a version with six intact ones and remembers the contents of all
// six.
func (l *load) damage(version acked) error {
	files := l.store.ShardFiles(l.body(version))
	var originals [suite.Shards][]byte
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		originals[i] = content
	}
	l.mu.Lock()
	l.originals[version.Hash] = originals
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

func (l *load) body(version acked) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bodies[version.Hash]
}

func (l *load) url(version acked) string {
	return fmt.Sprintf("%s?version=%d", suite.ObjectURL(l.store.API[0], version.name), version.Version)
}

// checkShards returns nil if all shards of a version are on disk: with their original contents, or,
// where those are not known, all of one size.
func (l *load) checkShards(version acked) error {
	l.mu.Lock()
	body := l.bodies[version.Hash]
	originals, known := l.originals[version.Hash]
	l.mu.Unlock()
	sizes := map[int64]int{} // bit set of the shards of each size
	for _, p := range l.store.Cluster.Data {
		for i := range suite.Shards {
			content, err := os.ReadFile(suite.ShardFile(p.Root, body, i))
			if err == nil && (!known || bytes.Equal(content, originals[i])) {
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
