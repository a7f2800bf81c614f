package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"gostore/chapter8/rs"
	"gostore/common/hash"
)

// ErrInUse is wrapped by the error of Remove for content that may be needed.
var ErrInUse = errors.New("it may be in use")

// maxPass is how long after the decision content can be removed, beside the age that protects it.
const maxPass = 10 * time.Minute

// uses knows until when content is protected: for age from when it was stored or claimed. It does not
// survive a restart, so then all content is protected for age. It has some 20 bytes for each name that was
// used of late; of names of one sum the last use counts for both.
type uses struct {
	run   string
	start time.Time
	age   time.Duration
	seed  maphash.Seed

	mu    sync.Mutex
	until map[uint64]time.Duration // since start, by the sum of a name
	sweep time.Duration            // when to forget what no decision can be about
}

func newUses(age time.Duration) *uses {
	return &uses{run: uuid.NewString(), start: time.Now(), age: age, seed: maphash.MakeSeed(), until: map[uint64]time.Duration{}}
}

// note begins the protection of a name anew.
func (u *uses) note(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Since(u.start)
	if now > u.sweep {
		maps.DeleteFunc(u.until, func(_ uint64, until time.Duration) bool { return until < now-u.age-maxPass })
		u.sweep = now + maxPass
	}
	u.until[maphash.String(u.seed, name)] = now + u.age
}

// check returns an error if a name was protected at a time that clock had told, or if nobody knows that
// any more.
func (u *uses) check(name, clock string) error {
	run, text, _ := strings.Cut(clock, " ")
	nanos, err := strconv.ParseInt(text, 10, 64)
	decided, now := time.Duration(nanos), time.Since(u.start)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err != nil || run != u.run:
		return fmt.Errorf("%w: the data service has started since", ErrInUse)
	case now-decided > u.age+maxPass:
		return fmt.Errorf("%w: it was looked for %v ago", ErrInUse, now-decided)
	case decided <= max(u.age, u.until[maphash.String(u.seed, name)]):
		return fmt.Errorf("%w: it was stored or claimed within %v", ErrInUse, u.age)
	}
	return nil
}

// Clock returns the time, for Remove.
func (s *Store) Clock() string {
	return s.uses.run + " " + strconv.FormatInt(int64(time.Since(s.uses.start)), 10)
}

// Claim protects content, and returns for how long the caller may rely on it: half as long as it is protected,
// so that what the caller does in time has taken effect when the protection ends. The error is
// fs.ErrNotExist if there is none.
func (s *Store) Claim(name string) (time.Duration, error) {
	defer s.lock(name)()
	there, err := s.dir.Has(name)
	if err == nil && !there {
		err = fs.ErrNotExist
	}
	if err == nil {
		s.uses.note(name)
	}
	return s.uses.age / 2, err
}

// Remove removes content for good that nobody needed at the time that clock had told, and returns its size.
// The error wraps ErrInUse if it was protected then.
func (s *Store) Remove(name, clock string) (size int64, err error) {
	defer s.lock(name)()
	if err := s.uses.check(name, clock); err != nil {
		return 0, err
	}
	s.forget(name)
	return s.dir.Remove(name)
}

// SweepQuarantine removes what was quarantined before a time, and returns the names.
func (s *Store) SweepQuarantine(before time.Time) ([]string, error) {
	return s.dir.SweepQuarantine(before)
}

// List returns the first n names of shards after one, sorted. It looks through the whole directory once.
func (s *Store) List(after string, n int) ([]string, error) {
	list, last := []string{}, ""
	err := s.dir.Names(func(name string) error {
		if name <= after || last != "" && name > last || !isShard(name) {
			return nil
		}
		if list = append(list, name); len(list) == 2*n {
			slices.Sort(list)
			list, last = list[:n], list[n-1]
		}
		return nil
	})
	slices.Sort(list)
	return list[:min(n, len(list))], err
}

func isShard(name string) bool {
	_, _, err := rs.ParseName(name)
	return err == nil
}

// Scrub is Check at a rate, in bytes a second. It returns how many bytes it has read, too. It does not wait
// for changes of the shard, nor they for it.
func (s *Store) Scrub(ctx context.Context, name string, rate int64) (read int64, encoding hash.Hash, err error) {
	f, size, err := s.dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		s.forgetMissing(name)
	}
	if err != nil {
		return 0, encoding, err
	}
	defer f.Close() // opened for reading
	slow := &slowReader{ReaderAt: f, ctx: ctx, rate: rate, start: time.Now()}
	encoding, err = verifyFile(slow, size, name, io.Discard)
	if err != nil && ctx.Err() == nil {
		s.counts.Corrupt.Inc()
	}
	return slow.read, encoding, err
}

// slowReader reads no faster than rate.
type slowReader struct {
	io.ReaderAt
	ctx   context.Context
	rate  int64
	start time.Time
	read  int64
}

func (r *slowReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(p, off)
	r.read += int64(n)
	due := time.Duration(float64(r.read) / float64(r.rate) * float64(time.Second))
	select {
	case <-r.ctx.Done():
		return n, r.ctx.Err()
	case <-time.After(due - time.Since(r.start)):
		return n, err
	}
}
