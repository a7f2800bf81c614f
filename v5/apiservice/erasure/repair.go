package erasure

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gostore/chapter5/apiservice/locate"
	"gostore/chapter5/apiservice/objectstream"
	"gostore/chapter5/rs"
	"gostore/common/hash"
)

const (
	repairsAtOnce = 2
	queued        = 10_000 // objects that wait to be looked at; more are forgotten until they are read again
	checkShare    = 4      // one part in so many of the time goes into looking at shards that were not read
	longestRest   = 100 * time.Millisecond
	tries         = 5               // of a repair that cannot be completed; then it waits until the object is read again
	retryPause    = 2 * time.Second // between them
)

// Spreader says where shards that nobody holds are to go.
type Spreader interface {
	Spread(places locate.Places) (locate.Places, error)
}

// Repairer makes objects whole again: it has shards looked at where they lie, and makes anew those that
// are missing or rotten. It does so once at a time for each object, and to the end whatever becomes of
// the request that was the occasion.
type Repairer struct {
	codec    *Codec
	spreader Spreader
	log      *slog.Logger

	repairs chan damage
	checks  chan unread

	mu       sync.Mutex
	checking map[rs.Object]bool  // of those in checks
	mending  map[rs.Object]state // of those in repairs, or under repair
	failed   []damage            // to be tried again
}

// unread is an object that was read, and those of its shards that were not needed for that.
type unread struct {
	object rs.Object
	shards locate.Places
}

// damage is an object that lacks shards, or, if faulty, has some that are not right.
type damage struct {
	object rs.Object
	faulty bool
	tries  int // so far
}

// errUnknown is for an object of which a data service that may have shards does not answer.
var errUnknown = errors.New("not every data service answers")

type state int

const (
	waiting state = iota + 1
	underRepair
	underRepairAndWaiting // it was found suspect again meanwhile
)

// NewRepairer returns a repairer, which works while Run runs.
func NewRepairer(codec *Codec, spreader Spreader, log *slog.Logger) *Repairer {
	return &Repairer{
		codec: codec, spreader: spreader, log: log,
		repairs: make(chan damage, queued), checks: make(chan unread, queued),
		checking: map[rs.Object]bool{}, mending: map[rs.Object]state{},
	}
}

// Look takes up what a reader has found, which is done with its object: if a shard is missing or rotten
// that is repaired soon, and if not, the shards that were not read are looked at by and by. It returns
// at once.
func (r *Repairer) Look(reader *Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := reader.object
	if reader.Faulty() || reader.Lacking() {
		r.wantRepair(damage{object: o, faulty: reader.Faulty()})
		return
	}
	if r.checking[o] {
		return
	}
	select {
	case r.checks <- unread{o, reader.Unread()}:
		r.checking[o] = true
	default:
	}
}

// wantRepair is called with mu held.
func (r *Repairer) wantRepair(d damage) {
	switch r.mending[d.object] {
	case 0:
		select {
		case r.repairs <- d:
			r.mending[d.object] = waiting
		default:
		}
	case underRepair:
		r.mending[d.object] = underRepairAndWaiting
	}
}

// Run works until ctx is done. A repair under way is ended then.
func (r *Repairer) Run(ctx context.Context) {
	var working sync.WaitGroup
	for range repairsAtOnce {
		working.Go(func() { each(ctx, r.repairs, r.makeWhole) })
	}
	working.Go(func() { each(ctx, r.checks, r.checkAndRest) })
	working.Go(func() { r.retry(ctx) })
	working.Wait()
}

func each[T any](ctx context.Context, queue <-chan T, do func(ctx context.Context, next T)) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case next := <-queue:
			do(ctx, next)
		}
	}
}

// checkAndRest takes little of the time of those who work for clients.
func (r *Repairer) checkAndRest(ctx context.Context, u unread) {
	start := time.Now()
	r.check(ctx, u)
	rest := time.NewTimer(min((checkShare-1)*time.Since(start), longestRest))
	defer rest.Stop()
	select {
	case <-ctx.Done():
	case <-rest.C:
	}
}

func (r *Repairer) check(ctx context.Context, u unread) {
	r.mu.Lock()
	delete(r.checking, u.object)
	r.mu.Unlock()
	if right, sure := r.codec.Right(ctx, u.object, u.shards); sure && right == u.shards {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wantRepair(damage{object: u.object, faulty: true})
}

func (r *Repairer) makeWhole(ctx context.Context, d damage) {
	r.mu.Lock()
	r.mending[d.object] = underRepair
	r.mu.Unlock()
	err := r.repair(ctx, d)
	d.tries++
	if err != nil && ctx.Err() == nil {
		r.log.Warn("an object is not whole", "hash", hash.Hash(d.object.Hash()).String(), "tries", d.tries, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	again := r.mending[d.object] == underRepairAndWaiting
	delete(r.mending, d.object)
	switch {
	case again:
		r.wantRepair(damage{object: d.object, faulty: true})
	case err != nil && d.tries < tries && len(r.failed) < queued:
		r.failed = append(r.failed, d)
	}
}

// retry puts what could not be made whole into the queue again.
func (r *Repairer) retry(ctx context.Context) {
	tick := time.NewTicker(retryPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		for _, d := range r.failed {
			r.wantRepair(d)
		}
		r.failed = nil
		r.mu.Unlock()
	}
}

// repair makes the shards of an object anew that are missing, and those that are not right, where they
// lie. A rotten one may have good blocks where others have not, so it is read like the others, and stays
// until there is one in its place. After an error there may be something left to do.
func (r *Repairer) repair(ctx context.Context, d damage) error {
	content := hash.Hash(d.object.Hash())
	held, wanted, err := r.places(ctx, content)
	if err != nil {
		return err
	}
	if !d.faulty && wanted == held {
		return nil // two data services are away: it stays as it is
	}
	right, sure := r.codec.Right(ctx, d.object, held)
	if right != wanted {
		err = r.remake(ctx, d.object, held, right, wanted)
	}
	if err == nil && !sure {
		err = errUnknown
	}
	return err
}

// remake makes the shards that are wanted and not right, from those that are held.
func (r *Repairer) remake(ctx context.Context, o rs.Object, held, right, wanted locate.Places) error {
	reader := r.codec.Read(ctx, o, held)
	defer reader.Close()
	errs, err := r.codec.send(ctx, o, newTargets(right, wanted, true), func(s *rs.Stripe) error {
		return reader.load(s, r.codec.coder.Reconstruct)
	})
	if err == nil {
		err = errors.Join(errs...)
	}
	if err == nil {
		r.log.Info("repaired", "hash", hash.Hash(o.Hash()).String(), "shards", wanted.Known()-right.Known())
	}
	return err
}

// places returns who holds shards, and who is to hold them. It is an error if not all are known: those of
// a data service that does not answer may well be there. New ones only go where no other shard is: a data
// service that is away brings back what it has.
func (r *Repairer) places(ctx context.Context, content hash.Hash) (held, wanted locate.Places, err error) {
	held, sure, err := r.codec.locator.Locate(ctx, content.Hex())
	if err == nil && !sure {
		err = errUnknown
	}
	if err == nil {
		wanted, err = r.spreader.Spread(held)
	}
	return held, held.Apart(wanted), err
}

// Right returns those shards of an object that are right from end to end, as the data services say that
// places names. One that cannot be asked may have its shard, but then that is not sure.
func (c *Codec) Right(ctx context.Context, o rs.Object, places locate.Places) (right locate.Places, sure bool) {
	var asking sync.WaitGroup
	var unknown atomic.Bool
	right = places
	for shard, address := range places {
		if address == "" {
			continue
		}
		asking.Go(func() {
			err := c.streams.Check(ctx, address, rs.Name(hash.Hash(o.Hash()), shard))
			if errors.Is(err, objectstream.ErrGone) {
				right[shard] = ""
			} else if err != nil {
				unknown.Store(true)
			}
		})
	}
	asking.Wait()
	return right, !unknown.Load()
}
